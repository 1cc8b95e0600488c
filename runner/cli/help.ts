/** The parts of the help that are more than a list of flags. */
import { EXIT_CODE_TABLE } from '../exit-codes.js';
import { FORMAT_DOCS, FORMAT_NAMES } from '../results/format-names.js';

const EXAMPLES: readonly (readonly [command: string, meaning: string])[] = [
  ['vmtest run -- uname -a', "Debian's cloud kernel, busybox"],
  ['vmtest run --kernel ./bzImage --console kernel.log -- sh -c "dmesg | tail"', 'a kernel of your own'],
  ['vmtest run --kernel ~/linux -- uname -r', 'the one that was built there, with its modules'],
  ['vmtest run --cpus 4 --memory 2G --disk test.img,rw --timeout 2m -- mount /dev/vda /mnt', 'a disk'],
  ['tar c . | vmtest run -- tar xC /tmp', 'standard input goes to the command'],
];

export function examplesHelp(): string {
  return `Examples:\n${EXAMPLES.map(([command, meaning]) => `  ${command}\n      ${meaning}\n`).join('')}`;
}

export function exitCodesHelp(): string {
  const width = Math.max(...EXIT_CODE_TABLE.map(([code]) => code.length));
  return `Exit codes:\n${EXIT_CODE_TABLE.map(([code, meaning]) => `  ${code.padEnd(width)}  ${meaning}\n`).join('')}`;
}

export function scanHelp(): string {
  return 'Exit codes:\n  0  nothing was found, or only notes\n  1  faults were found\n  2  bad arguments, or the file cannot be read\n';
}

export function formatsHelp(): string {
  const width = Math.max(...FORMAT_NAMES.map((name) => name.length));
  return `Formats:\n${FORMAT_NAMES.map((name) => `  ${name.padEnd(width)}  ${FORMAT_DOCS[name]}\n`).join('')}`;
}
