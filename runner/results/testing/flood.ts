/** A process that parses megabytes of made-up output and says what it took: `flood.ts KIND MEGABYTES`. */

import type { FormatName } from '../format-names.js';
import { formatOf } from '../formats.js';
import { totalOf } from '../suite-result.js';

interface Flood {
  format: FormatName;
  head: string;
  /** Repeated until there is enough; `i` is the number of the repetition. */
  body(i: number): string;
  tail: string;
}

const go = (event: object): string => `${JSON.stringify({ Package: 'p', ...event })}\n`;

const FLOODS: Readonly<Record<string, Flood>> = {
  'tap-cases': { format: 'tap', head: '', body: (i) => `ok ${i + 1} - case ${i}\n`, tail: '' },
  'tap-output': {
    format: 'tap',
    head: '1..1\n',
    body: (i) => `# comment ${i}\noutput ${i} of a program that writes and writes\n`,
    tail: 'not ok 1\n',
  },
  'tap-one-line': { format: 'tap', head: 'ok 1 - ', body: () => 'x'.repeat(60_000), tail: '\n1..1\n' },
  ktap: {
    format: 'ktap',
    head: '[    0.000001] KTAP version 1\n',
    body: (i) =>
      `[    0.000001][    T1]     # Subtest: s${i}\n[    0.000002][    T1] BUG: a splat\n[    0.000001][    T1]     ok 1 a\n` +
      `[    0.000001][    T1]     not ok 2 b\n[    0.000001][    T1] not ok ${i + 1} s${i}\n`,
    tail: '',
  },
  kselftest: {
    format: 'kselftest',
    head: 'TAP version 13\n',
    body: (i) => `# selftests: d: t${i}\n${'# some output\n'.repeat(50)}# ok 1 a\nok ${i + 1} selftests: d: t${i}\n`,
    tail: '',
  },
  'junit-cases': {
    format: 'junit',
    head: '<testsuite name="s">',
    body: (i) =>
      `<testcase classname="c" name="a${i}"><failure message="m">${'text\n'.repeat(40)}</failure></testcase>\n`,
    tail: '</testsuite>',
  },
  'junit-text': {
    format: 'junit',
    head: '<testsuite name="s"><testcase name="a"><failure/><system-out>',
    body: (i) => `output ${i} that does not end `.repeat(20),
    tail: '</system-out></testcase></testsuite>',
  },
  'go-json': {
    format: 'go-json',
    head: '',
    body: (i) =>
      go({ Action: 'run', Test: `T${i}` }) +
      go({ Action: 'output', Test: `T${i}`, Output: '    a_test.go:1: text\n' }).repeat(20) +
      go({ Action: 'fail', Test: `T${i}`, Elapsed: 0.1 }),
    tail: go({ Action: 'fail' }),
  },
  pytest: { format: 'pytest', head: '', body: (i) => `a.py::test_${i} PASSED [ 50%]\nsome output\n`, tail: '' },
};

const flood = FLOODS[process.argv[2] ?? ''];
if (flood === undefined) throw new Error(`kinds: ${Object.keys(FLOODS).join(', ')}`);
const wanted = Number(process.argv[3]) * 2 ** 20;
let told = 0;
const parser = formatOf(flood.format).create({
  onCase: () => {
    told += 1;
  },
});
parser.write(flood.head);
let written = 0;
for (let i = 0; written < wanted; ) {
  let chunk = '';
  for (; chunk.length < 64 * 1024; i += 1) chunk += flood.body(i);
  written += chunk.length;
  parser.write(chunk);
}
parser.write(flood.tail);
const suite = parser.end();
const result = { told, counted: totalOf(suite.counts), peakMib: Math.round(process.resourceUsage().maxRSS / 1024) };
process.stdout.write(`${JSON.stringify(result)}\n`);
