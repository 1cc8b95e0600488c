/** The names of the formats, for who does not need the parsers yet. */
import { VmtestError } from '../errors.js';
import { nearest } from '../nearest.js';

export const FORMAT_NAMES = ['exit-code', 'tap', 'ktap', 'kselftest', 'gtest', 'go-json', 'junit', 'pytest'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

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
