import { describe, expect, it } from 'vitest';
import type { CaseResult } from '../results/case-result.js';
import { noCounts, type SuiteResult } from '../results/suite-result.js';
import { createJsonPrinter, createTextPrinter, type ResultsPrinter } from './results-text.js';

const suite = (more: Partial<SuiteResult>): SuiteResult => ({
  verdict: 'passed',
  counts: noCounts(),
  problems: [],
  problemCount: 0,
  ...more,
});

function print(printer: ResultsPrinter, cases: CaseResult[], end: SuiteResult): string {
  return [printer.begin(), ...cases.map((each) => printer.case(each)), printer.end(end)].join('');
}

describe('results as text', () => {
  it('prints each suite once while its cases come one after the other', () => {
    const cases: CaseResult[] = [
      { path: ['a', 'b', 'x'], verdict: 'passed' },
      { path: ['a', 'b', 'y'], verdict: 'skipped', message: 'no' },
      { path: ['a', 'z'], verdict: 'not-run' },
      { path: ['c', 'b', 'x'], verdict: 'kernel-panic', message: 'Oops', location: { file: 'x.c', line: 3 } },
      { path: ['top'], verdict: 'failed', location: { file: 'f' } },
    ];
    expect(print(createTextPrinter(), cases, suite({}))).toBe(
      `a
  b
    passed  x
    skipped y: no
  not-run z
c
  b
    kernel-panic x: Oops (x.c:3)
failed  top (f)

no tests
passed
`,
    );
  });

  it('prints the last lines that a failed test said', () => {
    const diagnostics = Array.from({ length: 20 }, (_, i) => `line ${i}`).join('\n');
    const text = createTextPrinter().case({ path: ['a'], verdict: 'failed', diagnostics });
    expect(text).toMatch(/^failed {2}a\n {2}\| \[\.\.\. 10 lines\]\n {2}\| line 10\n[\s\S]*line 19\n$/);
  });

  it('prints problems with their lines', () => {
    const end = suite({
      verdict: 'failed',
      message: 'odd',
      problems: [{ message: 'odd', line: 3 }, { message: 'strange' }],
      problemCount: 5,
    });
    expect(print(createTextPrinter(), [], end)).toBe(
      'problem: line 3: odd\nproblem: strange\nproblem: 3 more\nno tests\nfailed (odd)\n',
    );
  });
});

describe('results as JSON', () => {
  it.each([0, 1, 3])('is one value for %i cases', (count) => {
    const cases = Array.from({ length: count }, (_, i): CaseResult => ({ path: [`${i}`], verdict: 'passed' }));
    const end = suite({ verdict: 'failed', message: 'odd' });
    expect(JSON.parse(print(createJsonPrinter(), cases, end))).toEqual({
      cases,
      verdict: 'failed',
      message: 'odd',
      counts: noCounts(),
      problems: [],
    });
  });
});
