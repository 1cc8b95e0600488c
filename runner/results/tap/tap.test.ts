import { describe, expect, it } from 'vitest';
import { parse } from '../testing/parse.js';
import { createTapParser } from './tap.js';

const tap = (text: string, how?: Parameters<typeof parse>[2]) => parse(createTapParser, text, how);

describe('tap', () => {
  it('reads what node:test writes', () => {
    const { cases, suite } = tap(`TAP version 13
# Subtest: adds
ok 1 - adds
  ---
  duration_ms: 0.71
  type: 'test'
  ...
# Subtest: divides \\# by zero
not ok 2 - divides \\# by zero
  ---
  duration_ms: 1.25
  location: '/src/divide.test.js:12:3'
  failureType: 'testCodeFailure'
  error: |-
    Expected values to be strictly equal:

    1 !== 2
  code: 'ERR_ASSERTION'
  stack: |-
    TestContext.<anonymous> (file:///src/divide.test.js:13:10)
  ...
1..2
# tests 2
# pass 1
`);
    expect(cases).toEqual([
      { path: ['adds'], verdict: 'passed', durationMs: 0.71 },
      {
        path: ['divides # by zero'],
        verdict: 'failed',
        message: 'Expected values to be strictly equal:',
        durationMs: 1.25,
        location: { file: '/src/divide.test.js', line: 12 },
        diagnostics: expect.stringContaining('  1 !== 2\n'),
      },
    ]);
    expect(suite).toMatchObject({ verdict: 'failed', message: '1 of 2 tests did not pass', problems: [] });
  });

  it('reads what Test::More writes', () => {
    const { lines, cases, problems } = tap(`# Seeded srand
    # Subtest: first
    ok 1 - in it
    not ok 2 - broken

    #   Failed test 'broken'
    #   at t/a.t line 7.
    1..2
    # Looks like you failed 1 test of 2.
not ok 1 - first

#   Failed test 'first'
ok 2 # skip no network
not ok 3 - later # TODO not written
ok 4 - done # TODO written at last
1..4
`);
    expect(lines).toEqual([
      'passed first / in it',
      'failed first / broken',
      'skipped test 2: no network',
      'skipped later: todo: not written',
      'passed done: todo, and it passed: written at last',
    ]);
    expect(cases[1]?.diagnostics).toBe("  Failed test 'broken'\n  at t/a.t line 7.");
    expect(problems).toEqual([]);
  });

  it('reads bats', () => {
    const { lines, cases } = tap(`1..2
ok 1 starts # skip needs root
not ok 2 stops
# (in test file stop.bats, line 4)
#   \`[ "$status" -eq 0 ]' failed
`);
    expect(lines).toEqual(['skipped starts: needs root', 'failed stops']);
    expect(cases[1]?.diagnostics).toContain('line 4');
  });

  it.each([
    ['ok', ['passed test 1']],
    ['not ok', ['failed test 1']],
    ['ok 1', ['passed test 1']],
    ['ok - name', ['passed name']],
    ['ok 1 name', ['passed name']],
    ['ok 1 - 2 - 3', ['passed 2 - 3']],
    ['ok 1 -name', ['passed -name']],
    ['ok 1 - a \\\\ b', ['passed a \\ b']],
    ['ok 1 - issue #42', ['passed issue #42']],
    ['ok 1 - issue # 42', ['passed issue # 42']],
    ['ok 1 - a \\# skip b', ['passed a # skip b']],
    ['ok 1 - a # SkIpPeD: no', ['skipped a: no']],
    ['not ok 1 - a # SKIP no', ['skipped a: no']],
    ['not ok 1 - a # todo', ['skipped a: todo']],
    ['ok 1 - a # time=12.5ms', ['passed a']],
    ['ok 1 - a # error path', ['passed a # error path']],
    ['not ok 1 - a # ERROR no setup', ['failed a: error: no setup']],
    ['ok 1 -   white \t space  ', ['passed white space']],
    ['ok 1 - \u001b[31mred\u001b[0m', ['passed red']],
    ['\u001b[32mok 1 - a\u001b[0m', ['passed a']],
    ['ok 1 - a\u0007b\u2028c', ['passed a\ufffdb\ufffdc']],
    ['ok 1 - caf\u00e9 \u{1f600}', ['passed caf\u00e9 \u{1f600}']],
    ['ok 1 - a\r\r', ['passed a']],
    [`ok 1 - ${'x'.repeat(1000)}`, [`passed ${'x'.repeat(499)}…`]],
  ])('%s', (line, expected) => {
    const { lines, problems } = tap(`1..1\n${line}\n`);
    expect(lines).toEqual(expected);
    expect(problems).toEqual([]);
  });

  it.each([
    'okay',
    'not okay 1',
    'Ok 1',
    'nok 1',
    '2..3',
    '1..x',
    'TAP version',
    'tap version 13',
    'pragma +strict',
    '  ok',
    '    not ok something went wrong',
    'bail out',
  ])('takes no notice of: %s', (line) => {
    expect(tap(`TAP version 14\n${line}\nok 1 - a\n1..1\n`)).toMatchObject({ lines: ['passed a'], problems: [] });
  });

  it.each([
    ['a plan that says more', '1..3\nok 1\nok 2\n', ['the plan says 3, and 2 came'], ['not-run test 3']],
    ['a plan that says less', '1..1\nok 1\nok 2\n', ['the plan says 1, and 2 came'], []],
    ['a late plan that says more', 'ok 1\n1..2\n', ['the plan says 2, and 1 came'], ['not-run test 2']],
    ['no plan', 'ok 1\nok 2\n', ['there is no plan; the output may be cut off'], []],
    ['two plans', '1..1\nok 1\n1..1\n', ['a second plan, 1..1, after 1..1'], []],
    [
      'a plan in the middle',
      'ok 1\n1..2\nok 2\n',
      ['test 2 comes after the plan, which stood neither first nor last'],
      [],
    ],
    [
      'numbers out of order',
      '1..2\nok 2\nok 1\n',
      ['test number 2 where 1 was expected', 'test number 1 where 3 was expected'],
      [],
    ],
    ['an open subtest', '# Subtest: a\n    ok 1 - x\n    1..1\n1..0\n', ['subtest a has no result'], []],
    ['an announced subtest', '1..1\nok 1\n# Subtest: a\n', ['subtest a has no result'], []],
    [
      'a subtest whose plan is not kept',
      '# Subtest: a\n    1..2\n    ok 1 - x\nok 1 - a\n1..1\n',
      ['a: the plan says 2, and 1 came'],
      ['not-run a / test 2'],
    ],
    [
      'a subtest without a plan',
      '    ok 1 - x\nok 1 - a\n1..1\n',
      ['a: there is no plan; the output may be cut off'],
      [],
    ],
    [
      'a result of another subtest',
      '# Subtest: a\n    ok 1 - x\n    1..1\nok 1 - b\n1..1\n',
      ['the result of subtest a is called b'],
      [],
    ],
    ['nothing', '', ['no test results: the input is empty'], []],
    ['only output', 'hello\n', ['no test results in 1 lines'], []],
    ['a binary', '\u007fELF\0\u0001\0\n', ['no test results in 1 lines; it is not text'], []],
  ])('says that something is wrong: %s', (_, text, problems, missing) => {
    const parsed = tap(text);
    expect(parsed.problems.slice(0, problems.length)).toEqual(problems);
    expect(parsed.suite.verdict).toBe('failed');
    expect(parsed.suite.message).toContain(problems[0]);
    expect(parsed.lines.filter((line) => line.startsWith('not-run'))).toEqual(missing);
  });

  it('says on which line', () => {
    expect(tap('1..2\nok 1\nok 3\n').suite.problems[0]).toEqual({
      message: 'test number 3 where 2 was expected',
      line: 3,
    });
  });

  it.each([
    ['1..0 # SKIP no kvm here', 'no kvm here'],
    ['1..0 # no kvm here', 'no kvm here'],
    ['1..0', 'every test was skipped'],
  ])('skips everything: %s', (plan, message) => {
    expect(tap(`TAP version 14\n${plan}\n`).suite).toMatchObject({ verdict: 'skipped', message });
  });

  it('skips a subtest by its plan', () => {
    const { lines, suite } = tap('# Subtest: a\n    1..0 # SKIP no kvm\nok 1 - a\n1..1\n');
    expect(lines).toEqual(['skipped a: no kvm']);
    expect(suite.verdict).toBe('skipped');
  });

  it('nests, with names before and after', () => {
    const { lines, problems } = tap(`TAP version 14
# Subtest: outer
    # Subtest: inner
        ok 1 - x
        1..1
    ok 1 - inner
        ok 1 - y
        1..1
    ok 2 - bare
    ok 3 - leaf
    1..3
ok 1 - outer
1..1
`);
    expect(lines).toEqual(['passed outer / inner / x', 'passed outer / bare / y', 'passed outer / leaf']);
    expect(problems).toEqual([]);
  });

  it('tells a subtest that failed by itself', () => {
    const { lines } = tap('# Subtest: a\n    ok 1 - x\n    1..1\nnot ok 1 - a\n1..1\n');
    expect(lines).toEqual(['passed a / x', 'failed a']);
  });

  it('numbers a bare subtest that is too long to wait for its name', () => {
    const inner = Array.from({ length: 1500 }, (_, i) => `    ok ${i + 1} - t${i}`).join('\n');
    const { cases, problems } = tap(`${inner}\n    1..1500\nok 1 - late\n1..1\n`);
    expect(cases).toHaveLength(1500);
    expect(cases[0]?.path).toEqual(['test 1', 't0']);
    expect(cases[1499]?.path).toEqual(['test 1', 't1499']);
    expect(problems).toEqual([]);
  });

  it('numbers duplicates, and never merges them', () => {
    const { lines } = tap('1..4\nok 1 - a\nnot ok 2 - a\nok 3 - a #2\nok 4 - a\n');
    expect(lines).toEqual(['passed a', 'failed a #2', 'passed a #2 #2', 'passed a #3']);
  });

  it('takes one program after the other', () => {
    const { lines, problems } = tap('TAP version 13\n1..1\nok 1 - a\nTAP version 13\n1..2\nok 1 - a\nok 2 - b\n');
    expect(lines).toEqual(['passed a', 'passed a #2', 'passed b']);
    expect(problems).toEqual([]);
  });

  it('bails out', () => {
    const { lines, problems, suite } = tap(`1..5
ok 1 - a
# Subtest: b
    1..3
    ok 1 - x
    Bail out! no database
ok 2 - b
`);
    expect(lines).toEqual([
      'passed a',
      'passed b / x',
      'not-run b / test 2',
      'not-run b / test 3',
      'not-run test 3',
      'not-run test 4',
      'not-run test 5',
    ]);
    expect(problems).toEqual(['Bail out! no database']);
    expect(suite.verdict).toBe('failed');
  });

  it('ends a YAML block that nobody ended', () => {
    const { lines } = tap('1..2\nnot ok 1 - a\n  ---\n  message: "bad"\nok 2 - b\n');
    expect(lines).toEqual(['failed a: bad', 'passed b']);
  });

  it('gives output before a result to it', () => {
    const { cases } = tap('1..2\nok 1 - a\nconnecting\nnot ok 2 - b\n# no answer\n');
    expect(cases[1]?.diagnostics).toBe('connecting\nno answer');
  });

  describe('when something happened to the run', () => {
    const how = { verdict: 'kernel-panic', message: 'Kernel panic - not syncing: Oops' } as const;

    it.each([
      ['with a plan', '1..4\nok 1 - a\n', ['passed a', 'kernel-panic test 2', 'not-run test 3', 'not-run test 4']],
      ['without a plan', 'ok 1 - a\n', ['passed a', 'kernel-panic test 2']],
      ['after the plan is done', '1..1\nok 1 - a\n', ['passed a']],
      ['before anything', 'booting\n', []],
      ['after a name', '1..2\n# Subtest: a\n', ['kernel-panic a', 'not-run test 2']],
      [
        'in a subtest',
        '1..3\n# Subtest: a\n    1..3\n    ok 1 - x\n',
        ['passed a / x', 'kernel-panic a / test 2', 'not-run a / test 3', 'not-run test 2', 'not-run test 3'],
      ],
      ['after a subtest', '1..1\n# Subtest: a\n    1..1\n    ok 1 - x\n', ['passed a / x', 'kernel-panic a']],
      ['in a bare subtest', '    ok 1 - x\n', ['passed test 1 / x', 'kernel-panic test 1 / test 2']],
    ])('%s', (_, text, expected) => {
      const { cases, suite } = tap(text, how);
      expect(cases.map(({ path, verdict }) => `${verdict} ${path.join(' / ')}`)).toEqual(expected);
      expect(suite).toMatchObject({ ...how, problems: [] });
    });

    it('tells a huge plan as one case', () => {
      expect(tap('1..999999999\nok 1\n', how).lines.slice(1)).toEqual([
        `kernel-panic test 2: ${how.message}`,
        'not-run tests 3 to 999999999',
      ]);
    });

    it('knows what is running', () => {
      const parser = createTapParser();
      expect(parser.running()).toBeUndefined();
      parser.write('1..2\n');
      expect(parser.running()).toEqual(['test 1']);
      parser.write('# Subtest: a\n');
      expect(parser.running()).toEqual(['a']);
      parser.write('    ok 1 - x\n');
      expect(parser.running()).toEqual(['a', 'test 2']);
      parser.write('    1..1\nok 1 - a\nok 2\n');
      expect(parser.running()).toBeUndefined();
    });
  });

  it.each([
    [{ exitCode: 0 }, 'passed', undefined],
    [{ exitCode: 1 }, 'failed', 'exit code 1, and no test failed'],
    [{}, 'passed', undefined],
  ])('compares with the exit code: %j', (how, verdict, message) => {
    const { suite } = tap('1..1\nok 1\n', how);
    expect([suite.verdict, suite.message]).toEqual([verdict, message]);
  });
});
