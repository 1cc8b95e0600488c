/** The parts of the help that are more than a list of flags. */
import { EXIT_CODE_TABLE } from '../exit-codes.js';
import { REPORTER_DOCS, REPORTER_NAMES } from '../reporters/spec.js';
import { FORMAT_DOCS, FORMAT_NAMES } from '../results/format-names.js';

type Example = readonly [command: string, meaning: string];

/** By command. */
const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  test: [
    ['npx vmtest', 'every suite in every cell'],
    ['vmtest test net', 'those with "net" in their names, `CELL > SUITE`'],
    ["vmtest test --project 'cloud/*' -x", 'in the cells whose names begin with cloud/, until something fails'],
    ['vmtest test --last-failed --retries 2', 'what failed in the last run'],
    ['vmtest test --shard 2/3 --reporter list,junit', 'the second of three machines'],
    ['vmtest test --list', 'print the names, run nothing'],
  ],
  run: [
    ['vmtest run -- uname -a', "Debian's cloud kernel, busybox"],
    ['vmtest run --kernel ./bzImage --console kernel.log -- sh -c "dmesg | tail"', 'a kernel of your own'],
    ['vmtest run --kernel ~/linux -- uname -r', 'the one that was built there, with its modules'],
    ['vmtest run --cpus 4 --memory 2G --disk test.img,rw --timeout 2m -- mount /dev/vda /mnt', 'a disk'],
    ['tar c . | vmtest run -- tar xC /tmp', 'standard input goes to the command'],
  ],
  init: [
    ['vmtest init', 'vmtest.config.ts in this directory'],
    ['vmtest init --format yaml tests', 'tests/vmtest.config.yaml'],
  ],
  scan: [
    ['vmtest scan console.log', 'what the kernel reported'],
    ['dmesg | vmtest scan --vmlinux ~/linux/vmlinux -', 'of this machine, with lines of the source'],
  ],
  parse: [
    ['vmtest parse --format ktap dmesg.txt', 'the tests, their verdicts and what failed'],
    ['prove -v | vmtest parse --format tap --json -', 'as JSON'],
  ],
  doctor: [
    ['vmtest doctor', 'one screen: what runs here, and what would help'],
    ["vmtest doctor --json | jq '.findings[] | select(.fix)'", 'what can be mended'],
  ],
  images: [['vmtest images list', 'what there is']],
  'images fetch': [['vmtest images fetch debian-12 --flavour generic', 'an image, and a kernel with every driver']],
  'images list': [['vmtest images list', 'one image per line']],
  'images build': [['vmtest images build debian-12-dev', "out of Debian's packages"]],
  'images path': [['vmtest images path micro', 'of its manifest']],
  'images pull': [['vmtest images pull debian-12', 'prebuilt, out of an npm registry']],
  'images pack': [['npm publish "$(vmtest images pack debian-12)"', 'for others to pull']],
  'images verify': [['vmtest images verify', 'hash every file']],
  'images prune': [['vmtest images prune --all', 'keep the images, remove all that can be made again']],
  'kernel-config': [
    [
      'vmtest kernel-config > vmtest.config && scripts/kconfig/merge_config.sh .config vmtest.config',
      'in a kernel tree',
    ],
  ],
  completion: [
    ['vmtest completion bash > ~/.local/share/bash-completion/completions/vmtest', 'for new shells'],
    ['vmtest completion zsh > ~/.zfunc/_vmtest', 'zsh, where ~/.zfunc is in $fpath'],
    ['vmtest completion fish > ~/.config/fish/completions/vmtest.fish', 'fish'],
  ],
};

/** Empty for a command that has none. */
export function examplesHelp(command: string): string {
  const examples = EXAMPLES[command] ?? [];
  if (examples.length === 0) return '';
  return `\nExamples:\n${examples.map(([line, meaning]) => `  ${line}\n      ${meaning}\n`).join('')}`.trimEnd();
}

const TEST_EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'everything passed, or failed as expected'],
  ['1', 'a test failed'],
  ['2', 'bad arguments, or a bad configuration; nothing was run'],
  ['3', 'no test failed, but the host or vmtest itself did'],
  ['130', 'interrupted by SIGINT, SIGTERM or SIGHUP; what was done is reported'],
];

export function testHelp(): string {
  return `Exit codes:\n${TEST_EXIT_CODES.map(([code, meaning]) => `  ${code.padEnd(3)}  ${meaning}\n`).join('')}`;
}

export function exitCodesHelp(): string {
  const width = Math.max(...EXIT_CODE_TABLE.map(([code]) => code.length));
  return `Exit codes:\n${EXIT_CODE_TABLE.map(([code, meaning]) => `  ${code.padEnd(width)}  ${meaning}\n`).join('')}`;
}

export function scanHelp(): string {
  return 'Exit codes:\n  0  nothing was found, or only notes\n  1  faults were found\n  2  bad arguments, or the file cannot be read\n';
}

export function doctorHelp(): string {
  return 'Exit codes:\n  0    an engine runs guests of the architecture of this machine\n  125  none does\n';
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
