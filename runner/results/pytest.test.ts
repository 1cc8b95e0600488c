import { describe, expect, it } from 'vitest';
import { formatOf } from './formats.js';
import { parse } from './testing/parse.js';

const pytest = (text: string, how?: Parameters<typeof parse>[2]) => parse(formatOf('pytest').create, text, how);

const HEAD = `============================= test session starts ==============================
platform linux -- Python 3.11.2, pytest-8.3.4, pluggy-1.5.0 -- /usr/bin/python3
collected 7 items

`;
const LIVE = `tests/test_a.py::test_adds PASSED                                        [ 14%]
tests/test_a.py::TestCart::test_removes FAILED                           [ 28%]
tests/test_a.py::test_param[a b-c::d] PASSED                             [ 42%]
tests/test_a.py::test_root SKIPPED (needs root)                          [ 57%]
tests/test_a.py::test_known XFAIL (bug 12)                               [ 71%]
tests/test_a.py::test_fixed XPASS                                        [ 85%]
tests/test_a.py::test_setup ERROR                                        [100%]
`;
const FAILURES = `
=================================== FAILURES ===================================
____________________________ TestCart.test_removes _____________________________
>       assert 1 == 2
E       assert 1 == 2
`;
const SUMMARY = `=========================== short test summary info ============================
PASSED tests/test_a.py::test_adds
PASSED tests/test_a.py::test_param[a b-c::d]
SKIPPED [1] tests/test_a.py:20: needs root
XFAIL tests/test_a.py::test_known - bug 12
XPASS tests/test_a.py::test_fixed - works now
ERROR tests/test_a.py::test_setup - RuntimeError: no database
FAILED tests/test_a.py::TestCart::test_removes - assert 1 == 2
`;
const TOTALS = '==== 1 failed, 2 passed, 1 skipped, 1 xfailed, 1 xpassed, 1 error in 0.12s ====\n';

describe('pytest', () => {
  it('reads the file of --junitxml', () => {
    const { lines, cases, problems } =
      pytest(`<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="6" time="0.123" timestamp="2024-01-02T03:04:05.678901+00:00" hostname="h">
<testcase classname="tests.test_a" name="test_adds" time="0.001" />
<testcase classname="tests.test_a.TestCart" name="test_removes" time="0.002"><failure message="assert 1 == 2">def test_removes(self):
&gt;       assert 1 == 2
E       assert 1 == 2

tests/test_a.py:9: AssertionError</failure></testcase>
<testcase classname="tests.test_a" name="test_root" time="0.000"><skipped type="pytest.skip" message="needs root">tests/test_a.py:20: needs root</skipped></testcase>
<testcase classname="tests.test_a" name="test_known" time="0.000"><skipped type="pytest.xfail" message="bug 12" /></testcase>
<testcase classname="tests.test_a" name="test_setup" time="0.000"><error message="failed on setup with &quot;RuntimeError: no database&quot;">trace</error></testcase>
<testcase classname="tests.test_a" name="test_param[a b-c::d]" time="0.000" />
</testsuite></testsuites>`);
    expect(lines).toEqual([
      'passed tests / test_a / test_adds',
      'failed tests / test_a / TestCart / test_removes: assert 1 == 2',
      'skipped tests / test_a / test_root: needs root',
      'skipped tests / test_a / test_known: bug 12',
      'failed tests / test_a / test_setup: failed on setup with "RuntimeError: no database"',
      'passed tests / test_a / test_param[a b-c::d]',
    ]);
    expect(cases[1]?.diagnostics).toContain('tests/test_a.py:9: AssertionError');
    expect(problems).toEqual([]);
  });

  const told = [
    'failed tests / test_a / TestCart / test_removes: assert 1 == 2',
    'failed tests / test_a / test_setup: RuntimeError: no database',
    'passed tests / test_a / test_adds',
    'passed tests / test_a / test_param[a b-c::d]',
  ];

  it('reads what -v -rA prints, each test once', () => {
    const { lines, cases, problems } = pytest(HEAD + LIVE + FAILURES + SUMMARY + TOTALS);
    expect([...lines].sort()).toEqual(
      [
        ...told,
        'passed tests / test_a / test_fixed: passed, and a failure was expected',
        'skipped tests / test_a / test_known: expected failure: bug 12',
        'skipped tests / test_a / test_root: needs root',
      ].sort(),
    );
    expect(cases[0]?.location).toEqual({ file: 'tests/test_a.py' });
    expect(problems).toEqual([]);
  });

  it('reads what -rA prints', () => {
    const { lines, problems } = pytest(`${HEAD}tests/test_a.py .F.sxXE [100%]\n${FAILURES}${SUMMARY}${TOTALS}`);
    expect([...lines].sort()).toEqual(
      [
        ...told,
        'passed tests / test_a / test_fixed: passed, and a failure was expected: works now',
        'skipped tests / test_a.py / line 20: needs root',
        'skipped tests / test_a / test_known: expected failure: bug 12',
      ].sort(),
    );
    expect(problems).toEqual([]);
  });

  it('reads what -v of pytest-xdist prints', () => {
    const { lines } = pytest(
      '[gw0] [ 50%] PASSED tests/test_a.py::test_a \n[gw1] [100%] FAILED tests/test_a.py::test_b \n',
    );
    expect(lines).toEqual(['passed tests / test_a / test_a', 'failed tests / test_a / test_b']);
  });

  it('reads what was printed before it was cut off', () => {
    const how = { verdict: 'command-timeout', message: 'no end within 2m' } as const;
    const { lines, suite } = pytest(
      `${HEAD}a.py::test_x PASSED [ 50%]\na.py::test_y FAILED [ 75%]\na.py::test_z `,
      how,
    );
    expect(lines).toEqual(['passed a / test_x', 'failed a / test_y', 'command-timeout a / test_z: no end within 2m']);
    expect(suite.verdict).toBe('command-timeout');
  });

  it.each([
    [
      'only dots',
      `${HEAD}a.py .. [100%]\n\n=== 2 passed in 0.01s ===\n`,
      'pytest says 2 passed, and 0 came; give it -v or -rA',
    ],
    [
      'a line that got lost',
      'a.py::test_x PASSED [ 50%]\n=== 1 failed, 1 passed in 0.01s ===\n',
      'pytest says 1 failed, and 0 came',
    ],
    ['nothing', '', 'no test results: the input is empty'],
    ['no tests', `${HEAD}=== no tests ran in 0.01s ===\n`, 'no test results in 5 lines'],
  ])('says what is wrong: %s', (_, text, problem) => {
    const { problems, suite } = pytest(text);
    expect(problems[0]).toBe(problem);
    expect(suite.verdict).toBe('failed');
  });

  it('tells a module that cannot be loaded', () => {
    const text = `${HEAD}=== short test summary info ===\nERROR tests/test_b.py - ImportError: no\n!!! Interrupted !!!\n=== 1 error in 0.05s ===\n`;
    expect(pytest(text, { exitCode: 2 })).toMatchObject({
      lines: ['failed tests / test_b: ImportError: no'],
      problems: [],
    });
  });
});
