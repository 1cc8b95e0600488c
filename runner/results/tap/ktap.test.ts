import { describe, expect, it } from 'vitest';
import { parse } from '../testing/parse.js';
import { withoutKernelPrefix } from './kernel-prefix.js';
import { createKtapParser } from './tap.js';

const ktap = (text: string, how?: Parameters<typeof parse>[2]) => parse(createKtapParser, text, how);

const KUNIT = `KTAP version 1
1..2
    KTAP version 1
    # Subtest: sysctl_test
    # module: sysctl_test
    1..3
    ok 1 sysctl_test_null_data
    # sysctl_test_read: EXPECTATION FAILED at kernel/sysctl-test.c:112
    Expected 0 == proc_dointvec(&table), but
        proc_dointvec(&table) == -22 (0xffffffffffffffea)
    not ok 2 sysctl_test_read
        KTAP version 1
        # Subtest: sysctl_test_params
        ok 1 min
        ok 2 max # SKIP 32 bits only
    # sysctl_test_params: pass:1 fail:0 skip:1 total:2
    ok 3 sysctl_test_params
# sysctl_test: pass:2 fail:1 skip:0 total:3
# Totals: pass:2 fail:1 skip:1 total:4
not ok 1 sysctl_test
    KTAP version 1
    # Subtest: list
    1..1
    ok 1 list_init
ok 2 list
`;
const LINES = [
  'passed sysctl_test / sysctl_test_null_data',
  'failed sysctl_test / sysctl_test_read: EXPECTATION FAILED at kernel/sysctl-test.c:112',
  'passed sysctl_test / sysctl_test_params / min',
  'skipped sysctl_test / sysctl_test_params / max: 32 bits only',
  'passed list / list_init',
];

/** Puts something before every line. */
const prefixed = (text: string, prefix: (i: number) => string): string =>
  text
    .split('\n')
    .map((line, i) => (line === '' ? '' : `${prefix(i + 1)}${line}`))
    .join('\n');

describe('ktap', () => {
  it.each([
    ['plain', KUNIT],
    ['with times', prefixed(KUNIT, (i) => `[${`${i}.${String(i * 7919).padStart(6, '0')}`.padStart(12)}] `)],
    ['with callers', prefixed(KUNIT, (i) => `[   12.345678][${(i % 2 ? `T${i}` : `C${i}`).padStart(6)}] `)],
    ['with a growing time', prefixed(KUNIT, (i) => `[${`${10 ** (i % 9)}.000001`.padStart(12)}] `)],
    ['with levels', prefixed(KUNIT, () => '<6>[   12.345678] ')],
    ['of dmesg -x', prefixed(KUNIT, () => 'kern  :info  : [   12.345678] ')],
    ['of dmesg -T', prefixed(KUNIT, () => '[Tue Jan  2 03:04:05 2024] ')],
    ['of dmesg --time-format iso', prefixed(KUNIT, () => '2024-01-02T03:04:05,678901+00:00 ')],
    ['of a serial console', KUNIT.replaceAll('\n', '\r\r\n')],
    [
      'between other lines',
      prefixed(
        KUNIT,
        (i) => `[    1.000000] usb 1-1: new device ${i}\n[    1.000001]  dump_stack+0x1/0x2\n[    1.000002] `,
      ),
    ],
    ['after an open line', prefixed(KUNIT, () => 'Starting udev... [    1.000002] ')],
    [
      'with older version lines',
      KUNIT.replace(/^ +KTAP version 1\n/gm, '').replace('KTAP version 1', 'TAP version 14'),
    ],
    ['with an indent of two', KUNIT.replace(/^( +)/gm, (spaces) => ' '.repeat(spaces.length / 2))],
    ['with tabs', KUNIT.replace(/^ {8}/gm, '\t\t').replace(/^ {4}/gm, '\t')],
  ])('reads KUnit, %s', (_, text) => {
    const { lines, problems, suite } = ktap(text);
    expect(lines).toEqual(LINES);
    expect(problems).toEqual([]);
    expect(suite.verdict).toBe('failed');
  });

  it('keeps what the kernel said before a result, and where it failed', () => {
    const { cases } = ktap(
      KUNIT.replace('    not ok 2', '[   1.000000] BUG: KASAN: use-after-free in x\n    not ok 2'),
    );
    expect(cases[1]).toMatchObject({
      location: { file: 'kernel/sysctl-test.c', line: 112 },
      diagnostics: expect.stringMatching(/EXPECTATION FAILED[\s\S]*BUG: KASAN/),
    });
    expect(cases[0]?.diagnostics).toBeUndefined();
  });

  it.each([
    ['ok 1 a # SKIP no', 'skipped a: no'],
    ['not ok 1 a # SKIP no', 'skipped a: no'],
    ['not ok 1 a # TODO later', 'skipped a: todo: later'],
    ['ok 1 a # XFAIL known', 'skipped a: expected failure: known'],
    ['not ok 1 a # XFAIL known', 'skipped a: expected failure: known'],
    ['not ok 1 a # TIMEOUT 45 seconds', 'failed a: timed out: 45 seconds'],
    ['not ok 1 a # ERROR no memory', 'failed a: error: no memory'],
    ['ok 1 - a', 'passed a'],
    ['ok 1', 'passed test 1'],
  ])('%s', (line, expected) => {
    expect(ktap(`KTAP version 1\n1..1\n${line}\n`)).toMatchObject({ lines: [expected], problems: [] });
  });

  it('needs no plan', () => {
    expect(ktap('KTAP version 1\nok 1 a\n').suite).toMatchObject({ verdict: 'passed', problems: [] });
  });

  it('takes "ok" without a number for output', () => {
    expect(ktap('ok\nok then\nKTAP version 1\n1..1\nok 1 a\n').lines).toEqual(['passed a']);
  });

  it('reads one module after the other', () => {
    const { lines, problems } = ktap(`${KUNIT}[    9.000000] other line\n${KUNIT}`);
    expect(lines).toHaveLength(10);
    expect(lines[5]).toBe('passed sysctl_test / sysctl_test_null_data #2');
    expect(problems).toEqual([]);
  });

  it('says that a suite has no result', () => {
    const { lines, problems } = ktap(`KTAP version 1
1..2
    # Subtest: first
    1..2
    ok 1 a
    # Subtest: second
    1..1
    ok 1 b
ok 2 second
`);
    expect(lines).toEqual(['passed first / a', 'not-run first / test 2', 'passed second / b', 'not-run test 2']);
    expect(problems).toEqual([
      'first: the plan says 2, and 1 came',
      'subtest first has no result',
      'test number 2 where 1 was expected',
      'the plan says 2, and 1 came',
    ]);
  });

  it('gives the test that ran when the kernel panicked its verdict, and the trace', () => {
    const { cases, suite } = ktap(
      `KTAP version 1
1..2
    # Subtest: first
    1..3
    ok 1 a
[    3.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    3.000001] Kernel panic - not syncing: Fatal exception
`,
      { verdict: 'kernel-panic', message: 'Kernel panic - not syncing: Fatal exception' },
    );
    expect(cases.slice(1)).toEqual([
      {
        path: ['first', 'test 2'],
        verdict: 'kernel-panic',
        message: 'Kernel panic - not syncing: Fatal exception',
        diagnostics: expect.stringContaining('NULL pointer'),
      },
      { path: ['first', 'test 3'], verdict: 'not-run' },
      { path: ['test 2'], verdict: 'not-run' },
    ]);
    expect(suite.verdict).toBe('kernel-panic');
  });

  it('calls a run with a splat what it is when no test was running', () => {
    const { lines, suite } = ktap(KUNIT.replaceAll('not ok', 'ok'), { verdict: 'kernel-splat', message: 'WARNING' });
    expect(lines.some((line) => line.startsWith('kernel-splat'))).toBe(false);
    expect(suite).toMatchObject({ verdict: 'kernel-splat', message: 'WARNING' });
  });

  it('ends with the subtest that bails out, not with everything', () => {
    const { lines, problems } = ktap('1..2\n  1..2\n  ok 1 x\n  Bail out! no\nnot ok 1 a\nok 2 b\n');
    expect(lines).toEqual(['passed a / x', 'not-run a / test 2', 'passed b']);
    expect(problems).toEqual(['test 1: Bail out! no']);
  });
});

describe('withoutKernelPrefix', () => {
  it.each([
    ['[    0.000000] text', 'text'],
    ['[    0.000000]     text', '    text'],
    ['[12345.678901] text', 'text'],
    ['[    0.000000]', ''],
    ['[    0.000000][    T1] text', 'text'],
    ['[    0.000000] [    T1] text', 'text'],
    ['[    0.000000][   C12] text', 'text'],
    ['<4>[    0.000000] text', 'text'],
    ['[ OK ] Started', '[ OK ] Started'],
    ['text', 'text'],
    ['', ''],
  ])('%j', (line, expected) => expect(withoutKernelPrefix(line)).toBe(expected));
});
