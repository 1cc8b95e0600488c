import { describe, expect, it } from 'vitest';
import { parse } from '../testing/parse.js';
import { createKselftestParser } from './tap.js';

const kselftest = (text: string, how?: Parameters<typeof parse>[2]) => parse(createKselftestParser, text, how);

describe('kselftest', () => {
  it('reads run_kselftest.sh', () => {
    const { lines, cases, problems, suite } = kselftest(`TAP version 13
1..7
# selftests: size: get_size
# TAP version 13
# 1..1
# ok 1 get runtime memory use
# # System runtime memory report (units in Kilobytes):
# # Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0
ok 1 selftests: size: get_size
# timeout set to 45
# selftests: seccomp: seccomp_bpf
# TAP version 13
# 1..3
# # Starting 3 tests from 1 test cases.
# #  RUN           global.kcmp ...
# #            OK  global.kcmp
# ok 1 global.kcmp
# #  RUN           global.mode_strict_support ...
# # seccomp_bpf.c:99:mode_strict_support:Expected 0 (0) == ret (-1)
# # mode_strict_support: Test failed
# #          FAIL  global.mode_strict_support
# not ok 2 global.mode_strict_support
# ok 3 global.user_notification # XFAIL needs CAP_SYS_ADMIN
# # FAILED: 2 / 3 tests passed.
not ok 2 selftests: seccomp: seccomp_bpf # exit=1
# timeout set to 3600
# selftests: net/forwarding: bridge_vlan.sh
# TEST: Vlan 10 on both                                               [ OK ]
# TEST: Vlan 20 on both                                               [FAIL]
not ok 3 selftests: net/forwarding: bridge_vlan.sh # exit=1
# selftests: rtc: rtctest
# 1..0 # SKIP no /dev/rtc0
ok 4 selftests: rtc: rtctest # SKIP
# selftests: timers: nanosleep
#
not ok 5 selftests: timers: nanosleep # TIMEOUT 45 seconds
ok 6 selftests: breakpoints: step_after_suspend_test # SKIP
# selftests: x: y
# error: cannot run
not ok 7 selftests: x: y # ERROR no program
`);
    expect(lines).toEqual([
      'passed size / get_size / get runtime memory use',
      'passed seccomp / seccomp_bpf / global.kcmp',
      'failed seccomp / seccomp_bpf / global.mode_strict_support: Expected 0 (0) == ret (-1)',
      'skipped seccomp / seccomp_bpf / global.user_notification: expected failure: needs CAP_SYS_ADMIN',
      'failed net/forwarding / bridge_vlan.sh: exit=1',
      'skipped rtc / rtctest: no /dev/rtc0',
      'failed timers / nanosleep: timed out: 45 seconds',
      'skipped breakpoints / step_after_suspend_test',
      'failed x / y: error: no program',
    ]);
    expect(cases[2]?.location).toEqual({ file: 'seccomp_bpf.c', line: 99 });
    expect(cases[4]?.diagnostics).toMatch(/Vlan 20 on both {2,}\[FAIL\]$/);
    expect(problems).toEqual([]);
    expect(suite.counts).toMatchObject({ passed: 2, failed: 4, skipped: 3 });
  });

  it('reads one test, by itself', () => {
    const { lines, problems } = kselftest('TAP version 13\n1..2\n# a note\nok 1 first\nnot ok 2 second # SKIP no\n');
    expect(lines).toEqual(['passed first', 'skipped second: no']);
    expect(problems).toEqual([]);
  });

  it('reads several collections, with a header for each', () => {
    const one = (name: string): string => `TAP version 13\n1..1\n# selftests: ${name}: a\nok 1 selftests: ${name}: a\n`;
    expect(kselftest(one('x') + one('y') + one('x'))).toMatchObject({
      lines: ['passed x / a', 'passed y / a', 'passed x / a #2'],
      problems: [],
    });
  });

  it('reads tests in tests in tests', () => {
    const { lines, problems } = kselftest(`KTAP version 1
1..1
# selftests: drivers/net: ping.py
# KTAP version 1
# 1..1
#     KTAP version 1
#     # Subtest: v4
#     1..2
#     ok 1 small
#     not ok 2 large
# not ok 1 v4
not ok 1 selftests: drivers/net: ping.py # exit=1
`);
    expect(lines).toEqual(['passed drivers/net / ping.py / v4 / small', 'failed drivers/net / ping.py / v4 / large']);
    expect(problems).toEqual([]);
  });

  it('takes two programs in one test', () => {
    const doc = '# TAP version 13\n# 1..1\n# ok 1 x\n';
    const { lines, problems } = kselftest(`1..1\n# selftests: a: b\n${doc}${doc}ok 1 selftests: a: b\n`);
    expect(lines).toEqual(['passed a / b / x', 'passed a / b / x #2']);
    expect(problems).toEqual([]);
  });

  it('forgives a test that skips itself half-way its plan', () => {
    const { lines, problems } = kselftest(
      '1..1\n# selftests: a: b\n# 1..5\n# ok 1 x\n# ok 2 # SKIP no more\nok 1 selftests: a: b # SKIP\n',
    );
    expect(lines).toEqual(['passed a / b / x', 'skipped a / b / test 2: no more']);
    expect(problems).toEqual([]);
  });

  it('says what a test that passed did not run', () => {
    const { lines, problems } = kselftest('1..1\n# selftests: a: b\n# 1..2\n# ok 1 x\nok 1 selftests: a: b\n');
    expect(lines).toEqual(['passed a / b / x', 'not-run a / b / test 2']);
    expect(problems).toEqual(['a / b: the plan says 2, and 1 came']);
  });

  it('does not end with a test that bails out', () => {
    const { lines, problems } = kselftest(
      '1..2\n# selftests: a: b\n# 1..2\n# Bail out! no device\nnot ok 1 selftests: a: b # exit=1\nok 2 selftests: a: c\n',
    );
    expect(lines).toEqual(['not-run a / b / test 1', 'not-run a / b / test 2', 'passed a / c']);
    expect(problems).toEqual(['a / b: Bail out! no device']);
  });

  it('knows the test that was running when it ended', () => {
    const how = { verdict: 'command-timeout', message: 'no end within 2m' } as const;
    const { lines } = kselftest('1..3\nok 1 selftests: a: a\n# timeout set to 45\n# selftests: a: b\n# working\n', how);
    expect(lines).toEqual(['passed a / a', 'command-timeout a / b: no end within 2m', 'not-run test 3']);
  });

  it.each([
    [4, 'skipped', 'every test was skipped'],
    [1, 'failed', 'exit code 1, and no test failed'],
  ])('knows what exit code %i of a test means', (exitCode, verdict, message) => {
    expect(kselftest('1..1\nok 1 a # SKIP no\n', { exitCode }).suite).toMatchObject({ verdict, message });
  });
});
