/** What stands before a line of the kernel. Pure. */

const TIME = String.raw`\[\s{0,12}\d{1,12}\.\d{3,9}\]`;
const CALLER = String.raw`(?:\s?\[\s{0,8}[TC]\d{1,9}\])?`;

/** `<6>`, `kern  :info  : `, `[   12.345678]`, `[    T1]`, of dmesg -T `[Tue Jan  2 03:04:05 2024]`, of --time-format iso. */
const PREFIX = new RegExp(
  String.raw`^(?:<\d{1,3}>)?(?:[a-z0-9]{1,8}\s*:[a-z]{1,8}\s*: )?` +
    String.raw`(?:${TIME}${CALLER} ?|\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]${CALLER} ?|` +
    String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[,.]\d{3,9}[+-]\d\d:\d\d${CALLER} )`,
);

/** A time in the middle of a line: something else wrote there and left its line open. */
const INNER = new RegExp(String.raw`${TIME}${CALLER} (?=\s*(?:(?:not )?ok \d|K?TAP version \d|# Subtest: |1\.\.\d))`);

/** The line as the test code wrote it: its own indentation is kept. */
export function withoutKernelPrefix(line: string): string {
  const prefix = PREFIX.exec(line);
  const rest = prefix === null ? line : line.slice(prefix[0].length);
  if (!rest.includes(']')) return rest;
  const inner = INNER.exec(rest);
  return inner === null ? rest : rest.slice(inner.index + inner[0].length);
}
