/** The parts of the help that are more than a list of flags. */
import { EXIT_CODE_TABLE } from '../exit-codes.js';
import { REPORTER_DOCS, REPORTER_NAMES } from '../reporters/spec.js';
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

function reportersHelp(): string {
  const width = Math.max(...REPORTER_NAMES.map((name) => name.length));
  const lines = REPORTER_NAMES.map((name) => `  ${name.padEnd(width)}  ${REPORTER_DOCS[name]}\n`);
  return `Reporters:\n${lines.join('')}${JUNIT_HELP}`;
}

const JUNIT_HELP = `  junit has switches, as in junit+flaky+absolute=FILE:
    surefire   a directory with a file for each job, after Maven Surefire's schema
    flaky      <flakyFailure> for cases that passed only when tried again
    locations  file and line of cases as attributes, which no schema has
    absolute   paths in [[ATTACHMENT|path]] for Jenkins; without it they are relative, for GitLab
`;

export function reportHelp(): string {
  return `Examples:
  vmtest report --from results
      what \`list\` said of the run
  vmtest report --from results --reporter junit --output junit.xml
  vmtest report --from results --reporter list,junit=junit.xml,json=run.json

${reportersHelp()}
Exit codes:
  0  the reports are made, whatever the run was
  2  bad arguments, or results that cannot be read; what could be read is reported
  3  a report cannot be written
`;
}

export function mergeReportsHelp(): string {
  return `Examples:
  vmtest merge-reports shard-1 shard-2 shard-3
  vmtest merge-reports downloads --output all --reporter list,junit,github
      every directory in downloads; all/junit.xml

${reportersHelp()}
Exit codes:
  0    everything passed
  1    something failed, or a shard is missing, was killed, or is there twice
  2    bad arguments, or results that cannot be read
  3    only infrastructure errors, or a report cannot be written
  130  a run was interrupted, and nothing failed
`;
}
