/** The names of the formats, for who does not need the parsers yet. */
import { VmtestError } from '../errors.js';
import { nearest } from '../nearest.js';

export const FORMAT_NAMES = ['exit-code', 'tap', 'ktap', 'kselftest', 'gtest', 'go-json', 'junit', 'pytest'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

/** Those whose results are in a file that the tests write, and never in what they print. */
export const FILE_FORMATS: readonly FormatName[] = ['gtest', 'junit'];

/** One line each. */
export const FORMAT_DOCS: Readonly<Record<FormatName, string>> = {
  'exit-code': 'one test: 0 is passed, any other exit code failed',
  tap: 'TAP 13 and 14 with subtests and YAML diagnostics',
  ktap: 'KTAP 1 of the kernel (KUnit, modules of kselftest), also out of its log',
  kselftest: 'run_kselftest.sh, with the results inside of each test',
  gtest: 'the file of googletest: --gtest_output=xml:FILE or json:FILE',
  'go-json': 'go test -json',
  junit: 'a file of JUnit XML',
  pytest: 'the file of pytest --junitxml=FILE, or what pytest -v or -rA prints',
};

/** Throws `VMTEST_USAGE` with the nearest names when there is no such format. `what` names it: a flag, a key. */
export function checkFormatName(what: string, name: string): FormatName {
  const known = FORMAT_NAMES.find((each) => each === name);
  if (known !== undefined) return known;
  const near = nearest(name, FORMAT_NAMES, 3).join(', ');
  throw new VmtestError(
    'VMTEST_USAGE',
    `${what}: "${name}" is no format of test results; did you mean one of ${near}?`,
  );
}
