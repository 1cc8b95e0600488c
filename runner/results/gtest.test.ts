import { describe, expect, it } from 'vitest';
import { formatOf } from './formats.js';
import { parse } from './testing/parse.js';

const gtest = (text: string) => parse(formatOf('gtest').create, text);

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="5" failures="1" disabled="1" errors="0" time="0.012" timestamp="2024-01-02T03:04:05.678" name="AllTests">
  <testsuite name="QueueTest" tests="4" failures="1" disabled="1" skipped="1" errors="0" time="0.01">
    <testcase name="Pops" file="queue_test.cc" line="10" status="run" result="completed" time="0.001" classname="QueueTest" />
    <testcase name="Pushes" file="queue_test.cc" line="20" status="run" result="completed" time="0.002" classname="QueueTest">
      <failure message="queue_test.cc:22&#x0A;Expected equality of these values:&#x0A;  1&#x0A;  2" type=""><![CDATA[queue_test.cc:22
Expected equality of these values:
  1
  2]]></failure>
      <failure message="queue_test.cc:23&#x0A;Failed" type=""><![CDATA[queue_test.cc:23
Failed]]></failure>
    </testcase>
    <testcase name="Waits" file="queue_test.cc" line="30" status="run" result="skipped" time="0." classname="QueueTest">
      <skipped message="queue_test.cc:31&#x0A;no clock"><![CDATA[queue_test.cc:31
no clock]]></skipped>
    </testcase>
    <testcase name="DISABLED_Later" file="queue_test.cc" line="40" status="notrun" result="suppressed" time="0." classname="QueueTest" />
  </testsuite>
  <testsuite name="Sizes/SizeTest" tests="1" failures="0" disabled="0" errors="0" time="0.">
    <testcase name="Fits/0" value_param="1" file="queue_test.cc" line="50" status="run" result="completed" time="0." classname="Sizes/SizeTest" />
  </testsuite>
</testsuites>
`;

const JSON_REPORT = JSON.stringify({
  tests: 5,
  failures: 1,
  disabled: 1,
  errors: 0,
  name: 'AllTests',
  testsuites: [
    {
      name: 'QueueTest',
      tests: 4,
      testsuite: [
        { name: 'Pops', file: 'queue_test.cc', line: 10, status: 'RUN', result: 'COMPLETED', time: '0.001s' },
        {
          name: 'Pushes',
          file: 'queue_test.cc',
          line: 20,
          status: 'RUN',
          result: 'COMPLETED',
          time: '0.002s',
          failures: [
            { failure: 'queue_test.cc:22\nExpected equality of these values:\n  1\n  2', type: '' },
            { failure: 'queue_test.cc:23\nFailed', type: '' },
          ],
        },
        {
          name: 'Waits',
          file: 'queue_test.cc',
          line: 30,
          status: 'RUN',
          result: 'SKIPPED',
          time: '0s',
          skipped: [{ message: 'queue_test.cc:31\nno clock' }],
        },
        { name: 'DISABLED_Later', file: 'queue_test.cc', line: 40, status: 'NOTRUN', result: 'SUPPRESSED', time: '0s' },
      ],
    },
    {
      name: 'Sizes/SizeTest',
      tests: 1,
      testsuite: [{ name: 'Fits/0', file: 'queue_test.cc', line: 50, status: 'RUN', result: 'COMPLETED', time: '0s' }],
    },
  ],
});

describe('gtest', () => {
  it.each([
    ['XML', XML],
    ['JSON', JSON_REPORT],
    ['JSON with a byte order mark', `\ufeff ${JSON_REPORT}`],
  ])('reads %s', (_, text) => {
    const { cases, suite } = gtest(text);
    expect(cases.map(({ path, verdict }) => `${verdict} ${path.join(' / ')}`)).toEqual([
      'passed QueueTest / Pops',
      'failed QueueTest / Pushes',
      'skipped QueueTest / Waits',
      'skipped QueueTest / DISABLED_Later',
      'passed Sizes/SizeTest / Fits/0',
    ]);
    expect(cases[0]).toMatchObject({ durationMs: 1, location: { file: 'queue_test.cc', line: 10 } });
    expect(cases[1]?.message).toMatch(/^queue_test.cc:22/);
    expect(cases[1]?.diagnostics).toMatch(/Expected equality[\s\S]*queue_test.cc:23\nFailed$/);
    expect(cases[3]?.message).toBe('disabled');
    expect(suite).toMatchObject({ verdict: 'failed', problems: [] });
  });

  it.each([
    ['', ['no test results: the input is empty']],
    ['{"tests": 1, "testsuites": [', ['this is no JSON object, or it is cut off']],
    ['{}', ['no test results']],
    [
      '{"tests":2,"testsuites":[{"name":"s","tests":1,"testsuite":[{"name":"a"}]}]}',
      ['the report says 2 tests, and 1 came'],
    ],
    [
      '{"tests":1,"failures":1,"testsuites":[{"testsuite":[{"name":"a"}]}]}',
      ['the report says 1 failed, and none did'],
    ],
    ['{"testsuites":[1,null,{"testsuite":[2,{"name":3,"failures":"x","line":"y"}]}]}', []],
    ['[==========] Running 1 test', ['bad XML: text data outside of root node']],
  ])('says what is wrong with %s', (text, problems) => {
    expect(gtest(text).problems).toEqual(problems);
  });
});
