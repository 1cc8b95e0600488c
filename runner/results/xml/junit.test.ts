import { describe, expect, it } from 'vitest';
import { formatOf } from '../formats.js';
import { parse } from '../testing/parse.js';

const junit = (text: string, how?: Parameters<typeof parse>[2]) => parse(formatOf('junit').create, text, how);
const suite = (inner: string, attributes = 'name="s"') => junit(`<testsuite ${attributes}>${inner}</testsuite>`);

describe('junit', () => {
  it('reads a report', () => {
    const { cases, problems } = junit(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="all" tests="4" failures="1" errors="1" skipped="1" time="1.5">
  <testsuite name="com.acme.CartTest" tests="4" failures="1" errors="1" skipped="1" timestamp="2024-01-02T03:04:05Z" hostname="ci">
    <properties><property name="java.version" value="21"/></properties>
    <testcase name="adds" classname="com.acme.CartTest" time="0.012"/>
    <testcase name="removes" classname="com.acme.CartTest" time="1,000.5" file="src/CartTest.java" line="42">
      <failure message="expected:&lt;1&gt; but was:&lt;2&gt;" type="org.junit.ComparisonFailure"><![CDATA[at com.acme.CartTest.removes(CartTest.java:42)]]></failure>
      <system-out>said a word</system-out>
    </testcase>
    <testcase name="pays" classname="com.acme.PayTest"><error type="java.io.IOException">first line
second line</error></testcase>
    <testcase name="ships" classname="com.acme.CartTest"><skipped message="later"/></testcase>
    <system-out>of the suite</system-out>
  </testsuite>
</testsuites>
`);
    expect(cases).toEqual([
      { path: ['com.acme.CartTest', 'adds'], verdict: 'passed', durationMs: 12 },
      {
        path: ['com.acme.CartTest', 'removes'],
        verdict: 'failed',
        message: 'expected:<1> but was:<2>',
        durationMs: 1_000_500,
        location: { file: 'src/CartTest.java', line: 42 },
        diagnostics: 'expected:<1> but was:<2>\nat com.acme.CartTest.removes(CartTest.java:42)\nsaid a word',
      },
      {
        path: ['com.acme.CartTest', 'com.acme.PayTest', 'pays'],
        verdict: 'failed',
        message: 'java.io.IOException',
        diagnostics: 'java.io.IOException\nfirst line\nsecond line',
      },
      { path: ['com.acme.CartTest', 'ships'], verdict: 'skipped', message: 'later', diagnostics: 'later' },
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['<testcase name="a"/>', 'passed s / a'],
    ['<testcase name="a" classname="s"/>', 'passed s / a'],
    ['<testcase name="a" classname="c"/>', 'passed s / c / a'],
    ['<testcase classname="c"/>', 'passed s / c'],
    ['<testcase/>', 'passed s'],
    ['<testcase name="a"><skipped/></testcase>', 'skipped s / a'],
    ['<testcase name="a"><failure/></testcase>', 'failed s / a'],
    ['<testcase name="a"><failure>\n  text\nmore</failure></testcase>', 'failed s / a: text'],
    ['<testcase name="a"><failure>a &amp; b &#65;</failure></testcase>', 'failed s / a: a & b A'],
    ['<testcase name="a"><skipped message="x"/><failure message="y"/></testcase>', 'failed s / a: y'],
    ['<testcase name="a"><error message="x"/><failure message="y"/></testcase>', 'failed s / a: x'],
    ['<testcase name="a"><flakyFailure message="x"/></testcase>', 'flaky s / a: x'],
    ['<testcase name="a"><failure message="x"/><rerunFailure message="y"/></testcase>', 'failed s / a: x'],
    ['<testcase name="a"><system-out>x</system-out></testcase>', 'passed s / a'],
    ['<testcase name="a" time="NaN"/>', 'passed s / a'],
    ['<testcase name="a" time="-1" line="x" file="f"/>', 'passed s / a'],
    ['<testsuite name="t"><testcase name="a"/></testsuite>', 'passed s / t / a'],
    ['<testsuite><testcase name="a"/></testsuite>', 'passed s / a'],
    ['<error message="no setup"/>', 'failed s: no setup'],
    ['<testcase name="caf\u00e9 &#x1f600;"/>', 'passed s / caf\u00e9 \u{1f600}'],
    ['<testcase name="a\u0007\u001b[31mb"/>', 'passed s / a\ufffd\ufffd[31mb'],
    ['<testcase name="a"><failure message="&#27;[31mred"/></testcase>', 'failed s / a: &#27;[31mred'],
    ['<testcase name="constructor" classname="__proto__"/>', 'passed s / __proto__ / constructor'],
  ])('%s', (inner, expected) => {
    expect(suite(inner)).toMatchObject({ lines: [expected], problems: [] });
  });

  it('keeps nothing of one case for the next', () => {
    const { cases } = suite(
      '<testcase name="a"><failure>x</failure></testcase><testcase name="b"><failure>y</failure></testcase>',
    );
    expect(cases.map(({ diagnostics }) => diagnostics)).toEqual(['x', 'y']);
  });

  it.each([
    ['cut off', '<testsuite name="s"><testcase name="a"/>', ['passed s / a'], ['the XML is cut off']],
    [
      'cut off in a case',
      '<testsuite name="s"><testcase name="a"><failure>x',
      ['failed s / a: the report is cut off in this test'],
      ['the XML is cut off'],
    ],
    ['no XML', 'hello', [], ['bad XML: text data outside of root node']],
    ['empty', ' \n', [], ['no test results: the input is empty']],
    ['no tests', '<testsuites/>', [], ['no test results']],
    ['HTML', '<html></html>', [], ['the root of the XML is <html>, and neither <testsuites> nor <testsuite>']],
    [
      'crossing elements',
      '<testsuite name="s"><testcase name="a"></testsuite>',
      ['passed s / a'],
      ['bad XML: unexpected close tag'],
    ],
    [
      'fewer than it says',
      '<testsuite name="s" tests="2"><testcase name="a"/></testsuite>',
      ['passed s / a'],
      ['suite s says 2 tests, and 1 came'],
    ],
    [
      'failures that are not there',
      '<testsuites failures="1"><testsuite name="s"><testcase name="a"/></testsuite></testsuites>',
      ['passed s / a'],
      ['the report says 1 failed, and none did'],
    ],
    [
      'an entity of its own',
      '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite name="s"><testcase name="&b;"/></testsuite>',
      ['passed s / &b;'],
      ['bad XML: undefined entity'],
    ],
    [
      'a file of the host',
      '<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite name="s"><testcase name="&a;"/></testsuite>',
      ['passed s / &a;'],
      ['bad XML: undefined entity'],
    ],
    [
      'too deep',
      `${'<testsuite>'.repeat(200)}<testcase name="a"/>`,
      [],
      ['more than 100 elements stand in each other; the rest of the XML is not read'],
    ],
    [
      'too many attributes',
      `<testsuite ${Array.from({ length: 300 }, (_, i) => `a${i}=""`).join(' ')}><testcase name="a"/></testsuite>`,
      [],
      ['an element has more than 200 attributes; the rest of the XML is not read'],
    ],
    [
      'an endless attribute',
      `<testsuite name="${'x'.repeat(3_000_000)}"><testcase name="a"/></testsuite>`,
      [],
      ['a name or an attribute is longer than 1 MiB; the rest of the XML is not read'],
    ],
    [
      'more mistakes than results',
      `<testsuite name="s"><testcase name="a"/>${'&x;'.repeat(200)}<testcase name="b"/></testsuite>`,
      ['passed s / a'],
      ['bad XML: undefined entity'],
    ],
    ['binary', '\u007fELF\0\u0001', [], ['bad XML: text data outside of root node']],
  ])('says what is wrong: %s', (_, text, lines, problems) => {
    const parsed = junit(text);
    expect(parsed.lines).toEqual(lines);
    expect(parsed.problems).toEqual(problems);
    expect(parsed.suite.verdict).toBe('failed');
  });

  it('gives the test that was written when the guest ended its verdict', () => {
    const how = { verdict: 'guest-exit', message: 'the guest powered off' } as const;
    const { lines, suite: result } = junit('<testsuite name="s"><testcase name="a"/><testcase name="b">', how);
    expect(lines).toEqual(['passed s / a', 'guest-exit s / b: the guest powered off']);
    expect(result).toMatchObject({ ...how, problems: [] });
  });

  it('keeps the beginning and the end of a long text', () => {
    const long = `begin\n${'middle\n'.repeat(50_000)}end`;
    const { cases } = suite(
      `<testcase name="a"><failure message="m"/><system-out><![CDATA[${long}]]></system-out></testcase>`,
    );
    const text = cases[0]?.diagnostics ?? '';
    expect(text.length).toBeLessThan(40_000);
    expect(text).toMatch(/^m\nbegin\nmiddle\n[\s\S]*\[\.\.\. \d+ characters left out \.\.\.\][\s\S]*middle\nend$/);
  });

  it('takes a report with a text of many megabytes', () => {
    const line = 'a line of output without an end '.repeat(1000);
    const chunks = ['<testsuite name="s"><testcase name="a"><failure/><system-out>', ...Array<string>(500).fill(line)];
    const { lines, problems } = parse(formatOf('junit').create, [...chunks, '</system-out></testcase></testsuite>']);
    expect(lines).toHaveLength(1);
    expect(problems).toEqual([]);
  });
});
