/** The parts that every format stands on. */
import { describe, expect, it } from 'vitest';
import { createBoundedText } from './bounded-text.js';
import { cleanLine, cleanName, cleanText } from './clean-text.js';
import { createCollector } from './collector.js';
import { createExitCodeParser } from './exit-code.js';
import { checkFormatName, FORMAT_NAMES } from './format-names.js';
import { FORMATS } from './formats.js';
import { createLineSplitter } from './lines.js';
import { createPathCounter } from './path-counter.js';
import { countsLine, judge, noCounts } from './suite-result.js';
import { parse } from './testing/parse.js';
import { isFailure, VERDICTS } from './verdict.js';

describe('the verdict of a suite', () => {
  it.each([
    [{ passed: 2 }, [], {}, 'passed', undefined],
    [{ passed: 1, skipped: 1 }, [], {}, 'passed', undefined],
    [{ skipped: 2 }, [], {}, 'skipped', 'every test was skipped'],
    [{ passed: 1, flaky: 1 }, [], {}, 'flaky', '1 passed only when tried again'],
    [{ passed: 1, failed: 1 }, [], {}, 'failed', '1 of 2 tests did not pass'],
    [{ passed: 1, 'not-run': 1 }, [], {}, 'failed', '1 of 2 tests did not pass'],
    [{ passed: 1, 'kernel-splat': 1 }, [], {}, 'failed', '1 of 2 tests did not pass'],
    [{ passed: 1 }, ['odd'], {}, 'failed', 'odd'],
    [{ failed: 1 }, ['odd'], {}, 'failed', '1 of 1 test did not pass; odd'],
    [{ passed: 1 }, [], { verdict: 'kernel-splat', message: 'WARNING' }, 'kernel-splat', 'WARNING'],
    [{ failed: 1 }, ['odd'], { verdict: 'interrupted' }, 'interrupted', undefined],
  ] as const)('%j with problems %j and end %j is %s', (counts, problems, how, verdict, message) => {
    const result = judge(
      how,
      { ...noCounts(), ...counts },
      problems.map((each) => ({ message: each })),
    );
    expect([result.verdict, result.message]).toEqual([verdict, message]);
  });

  it('calls what is no success a failure', () => {
    expect(VERDICTS.filter((verdict) => !isFailure(verdict))).toEqual(['passed', 'flaky', 'skipped']);
    expect(isFailure('not-run')).toBe(true);
  });

  it('counts in words', () => {
    expect(countsLine({ ...noCounts(), passed: 2, 'not-run': 1 })).toBe('2 passed, 1 not-run');
    expect(countsLine(noCounts())).toBe('no tests');
  });
});

describe('the collector', () => {
  it('leaves out what is not known or makes no sense', () => {
    const cases: unknown[] = [];
    const collector = createCollector((result) => cases.push(result));
    collector.add({ path: ['a'], verdict: 'passed', message: '', diagnostics: 'said', durationMs: Number.NaN });
    collector.add({ path: ['b'], verdict: 'failed', durationMs: -1, location: { file: 'f', line: 0 } });
    collector.add({ path: ['', ' \n'], verdict: 'failed', location: { file: '' } });
    expect(cases).toEqual([
      { path: ['a'], verdict: 'passed' },
      { path: ['b'], verdict: 'failed', location: { file: 'f' } },
      { path: ['(no name)', '(no name)'], verdict: 'failed' },
    ]);
  });

  it('tells the first problems, and how many there are', () => {
    const collector = createCollector(undefined);
    for (let i = 0; i < 1000; i += 1) collector.problem(`p${i}`, i);
    const { problems, problemCount } = collector.finish({}, { binary: false });
    expect([problems.length, problemCount, problems[0]]).toEqual([50, 1000, { message: 'p0', line: 0 }]);
  });
});

describe('exit-code', () => {
  it.each([
    [{ exitCode: 0 }, 'passed', 'passed command'],
    [{ exitCode: 7 }, 'failed', 'failed command: exit code 7'],
    [{ exitCode: 139 }, 'failed', 'failed command: exit code 139: signal 11'],
    [{ exitCode: 255 }, 'failed', 'failed command: exit code 255'],
    [{ verdict: 'idle-timeout', message: 'silent for 60s' }, 'idle-timeout', 'idle-timeout command: silent for 60s'],
  ] as const)('%j', (how, verdict, line) => {
    const { lines, suite, cases } = parse(createExitCodeParser, 'last words\n', how);
    expect([lines, suite.verdict, suite.problems]).toEqual([[line], verdict, []]);
    expect(cases[0]?.diagnostics).toBe(verdict === 'passed' ? undefined : 'last words');
  });

  it('knows nothing without one', () => {
    expect(parse(createExitCodeParser, '')).toMatchObject({ problems: ['nobody knows the exit code'], lines: [] });
  });

  it('takes a name', () => {
    const paths: unknown[] = [];
    createExitCodeParser({ name: 'smoke', onCase: ({ path }) => paths.push(path) }).end({ exitCode: 0 });
    expect(paths).toEqual([['smoke']]);
  });
});

describe('lines', () => {
  function linesOf(chunks: readonly (string | Uint8Array)[], limit?: number): string[] {
    const lines: string[] = [];
    const splitter = createLineSplitter((line) => lines.push(line), limit);
    for (const chunk of chunks) splitter.write(chunk);
    splitter.end();
    return lines;
  }
  it.each([
    [[], []],
    [['a'], ['a']],
    [['a\n'], ['a']],
    [['\n\n'], ['', '']],
    [['a\r\nb\r\r\n\r\n'], ['a', 'b', '']],
    [['a\rb\n'], ['a\rb']],
    [['a\u2028b\u0085c\n'], ['a\u2028b\u0085c']],
    [
      ['a', 'b', '\n', 'c'],
      ['ab', 'c'],
    ],
    [['\ufeffa\n\ufeffb'], ['a', '\ufeffb']],
    [['\ud83d', '\ude00'], ['\u{1f600}']],
    [['\ud83d'], ['\ufffd']],
    [[Buffer.of(0xf0, 0x9f), Buffer.of(0x98, 0x80)], ['\u{1f600}']],
    [[Buffer.of(0xff, 0x0a, 0xc3)], ['\ufffd', '\ufffd']],
  ])('%j', (chunks, expected) => expect(linesOf(chunks)).toEqual(expected));

  it('cuts long lines, and only those', () => {
    expect(linesOf(['abcdef\nab', 'cdef\nab\n'], 4)).toEqual(['abcd', 'abcd', 'ab']);
  });

  it('does not hold on to the memory of the caller', () => {
    const chunk = Buffer.from('ab');
    const lines: string[] = [];
    const splitter = createLineSplitter((line) => lines.push(line));
    splitter.write(chunk);
    chunk.fill('x');
    splitter.end();
    expect(lines).toEqual(['ab']);
  });
});

describe('texts', () => {
  it.each([
    ['a\u001b[1;31mb\u001b[0m', 'ab'],
    ['\u001b[?2004h$ ', '$ '],
    ['\u001b]0;title\u0007x', 'x'],
    ['a\u001b[', 'a\ufffd['],
    ['10%\r20%\r\ndone', '10%\n20%\ndone'],
    ['a\tb\nc', 'a\tb\nc'],
    ['\ud800 \u0000 \ufffe', '\ufffd \ufffd \ufffd'],
  ])('cleans %j', (text, expected) => expect(cleanText(text)).toBe(expected));

  it('makes one line, with an end', () => {
    expect(cleanLine('  a \n\t b  ')).toBe('a b');
    expect(cleanLine('x'.repeat(2000))).toHaveLength(1000);
    expect(cleanName('\n')).toBe('(no name)');
  });

  it('keeps the beginning and the end of a text', () => {
    const text = createBoundedText(20);
    for (let i = 0; i < 1000; i += 1) text.addLine(`${i % 10}`);
    expect(text.text()).toBe('0\n1\n2\n3\n4\n[... 1980 characters left out ...]\n5\n6\n7\n8\n9');
    text.clear();
    expect(text.text()).toBe('');
    text.addLine('a');
    expect(text.text()).toBe('a');
  });
});

describe('the counter of paths', () => {
  it('counts each path', () => {
    const counter = createPathCounter();
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 5000; i += 1) expect(counter.add(['suite', `case ${i}`])).toBe(round);
    }
    expect(counter.has(['suite', 'case 1'])).toBe(true);
    expect(counter.has(['suitecase 1'])).toBe(false);
    expect(counter.has(['suite', 'case', '1'])).toBe(false);
  });
});

describe('the formats', () => {
  it('have the names that there are', () => {
    expect(FORMATS.map(({ name }) => name)).toEqual(FORMAT_NAMES);
    expect(checkFormatName('--format', 'tap')).toBe('tap');
    expect(() => checkFormatName('--format', 'tapp')).toThrow(
      '--format: "tapp" is no format of test results; did you mean one of tap, ktap, gtest?',
    );
  });
});
