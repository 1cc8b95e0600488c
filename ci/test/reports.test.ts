import { describe, expect, it } from 'vitest';
import { addCounts, readCtest, readGtest, readPlaywright, readTap, readVitest } from './reports.mjs';

describe('readVitest', () => {
  it('counts tests, and files that did not load', () => {
    const report = {
      testResults: [
        {
          name: '/r/a.test.ts',
          status: 'failed',
          assertionResults: [
            { fullName: 'a works', status: 'passed' },
            { fullName: 'a breaks', status: 'failed' },
            { fullName: 'a waits', status: 'pending' },
          ],
        },
        { name: '/r/broken.test.ts', status: 'failed', assertionResults: [] },
      ],
    };
    expect(readVitest(JSON.stringify(report))).toEqual({
      passed: 1,
      failures: ['a breaks', '/r/broken.test.ts'],
      skips: [{ name: 'a waits', reason: 'no reason given' }],
    });
  });
});

describe('readPlaywright', () => {
  const test = (status: string, annotations: object[] = []) => ({ tests: [{ status, annotations }] });
  it('walks nested suites; flaky is failed; what was never run says so', () => {
    const report = {
      errors: [{ message: 'no tests found\nstack' }],
      suites: [
        {
          title: 'a.spec.ts',
          specs: [
            { title: 'one', ...test('expected') },
            { title: 'two', ...test('flaky') },
          ],
          suites: [
            {
              title: 'inner',
              specs: [
                { title: 'three', ...test('unexpected') },
                { title: 'four', ...test('skipped', [{ type: 'skip', description: 'needs 8 GiB' }]) },
                { title: 'five', ...test('skipped') },
              ],
            },
          ],
        },
      ],
    };
    expect(readPlaywright(JSON.stringify(report))).toEqual({
      passed: 1,
      failures: ['playwright: no tests found', 'a.spec.ts > inner > three', 'a.spec.ts > two'],
      skips: [
        { name: 'a.spec.ts > inner > four', reason: 'needs 8 GiB' },
        { name: 'a.spec.ts > inner > five', reason: 'was not run' },
      ],
    });
  });
});

describe('readCtest', () => {
  it('reads what ctest --output-junit writes', () => {
    const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="Linux-c++" tests="4" failures="1" disabled="1" skipped="1">
	<testcase name="Bus.Reads" classname="Bus.Reads" time="0.01" status="run">
		<system-out>[       OK ] Bus.Reads</system-out>
	</testcase>
	<testcase name="Bus.Breaks" classname="Bus.Breaks" time="0.01" status="fail">
		<failure message=""/>
		<system-out>[  FAILED  ] status=&quot;run&quot;</system-out>
	</testcase>
	<testcase name="Kvm/Runs.Code&lt;A&gt;" classname="x" time="0.01" status="notrun">
		<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>
		<system-out>[ RUN      ] Kvm.Runs
/src/kvm_test.cc:7: Skipped
KVM here interprets &amp; is of no use

[  SKIPPED ] Kvm.Runs (0 ms)
</system-out>
	</testcase>
	<testcase name="Bus.DISABLED_Old" classname="x" time="0" status="disabled"/>
</testsuite>`;
    expect(readCtest(report)).toEqual({
      passed: 1,
      failures: ['Bus.Breaks'],
      skips: [
        { name: 'Kvm/Runs.Code<A>', reason: 'KVM here interprets & is of no use' },
        { name: 'Bus.DISABLED_Old', reason: 'the test is disabled' },
      ],
    });
  });
  it('refuses what is no report', () => expect(() => readCtest('')).toThrow('not a JUnit report'));
});

describe('addCounts', () => {
  it('adds', () => {
    const counts = { passed: 2, failures: ['f'], skips: [{ name: 's', reason: 'r' }] };
    expect(addCounts([counts, counts])).toEqual({
      passed: 4,
      failures: ['f', 'f'],
      skips: [...counts.skips, ...counts.skips],
    });
  });
});

describe('readGtest', () => {
  it('counts what ran, what failed and what skipped itself', () => {
    const report = {
      testsuites: [
        {
          name: 'GicTest',
          testsuite: [
            { name: 'Works', result: 'COMPLETED' },
            { name: 'Breaks', result: 'COMPLETED', failures: [{ failure: 'x_test.cc:1\nExpected', type: '' }] },
            { name: 'NeedsKvm', result: 'SKIPPED', skipped: [{ message: 'x_test.cc:20\nno /dev/kvm\n' }] },
          ],
        },
      ],
    };
    expect(readGtest(JSON.stringify(report))).toEqual({
      passed: 1,
      failures: ['GicTest.Breaks'],
      skips: [{ name: 'GicTest.NeedsKvm', reason: 'no /dev/kvm' }],
    });
  });
});

describe('readTap', () => {
  it('counts what our scripts say', () => {
    expect(readTap('ok 1 - build\nnot ok 2 - doctor\nok 3 - quick start # SKIP no engine\n1..3\n')).toEqual({
      passed: 1,
      failures: ['doctor'],
      skips: [{ name: 'quick start', reason: 'no engine' }],
    });
  });
  it('does not take a part for the whole', () => {
    expect(readTap('ok 1 - build\n').failures).toEqual(['no tests were planned, 1 were reported']);
    expect(readTap('ok 1 - build\n1..2\n').failures).toEqual(['2 tests were planned, 1 were reported']);
  });
});
