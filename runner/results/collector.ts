/** Where the parsers put what they found: numbers duplicates, counts, keeps limits, finds the verdict. */
import type { CaseLocation, CaseResult } from './case-result.js';
import { cleanLine, cleanName, cleanText } from './clean-text.js';
import { MAX_CASES, MAX_DEPTH, MAX_PROBLEMS } from './limits.js';
import { createPathCounter } from './path-counter.js';
import { failuresOf, judge, noCounts, type Problem, type RunEnd, type SuiteResult, totalOf } from './suite-result.js';
import type { CaseVerdict } from './verdict.js';

/** A case as a parser finds it, not cleaned yet; what is `undefined` or empty is left out. */
export interface FoundCase {
  path: readonly string[];
  verdict: CaseVerdict;
  message?: string | undefined;
  diagnostics?: string | undefined;
  durationMs?: number | undefined;
  location?: CaseLocation | undefined;
}

export interface Collector {
  add(found: FoundCase): void;
  problem(message: string, line?: number): void;
  /** Cases so far. */
  readonly total: number;
  /** Of these, those that are no success. */
  readonly failures: number;
  /** The input says that it has no tests on purpose, and why. */
  skipAll(reason: string): void;
  finish(how: RunEnd, input: { lines?: number; binary: boolean }): SuiteResult;
}

export function createCollector(onCase: ((result: CaseResult) => void) | undefined): Collector {
  const counts = noCounts();
  const problems: Problem[] = [];
  const paths = createPathCounter();
  let total = 0;
  let problemCount = 0;
  let skipReason: string | undefined;

  function problem(message: string, line?: number): void {
    problemCount += 1;
    if (problems.length < MAX_PROBLEMS)
      problems.push({ message: cleanLine(message), ...(line === undefined ? {} : { line }) });
  }

  function add(found: FoundCase): void {
    counts[found.verdict] += 1;
    total += 1;
    if (total > MAX_CASES) {
      if (total === MAX_CASES + 1) problem(`more than ${MAX_CASES} tests; the others are counted and not listed`);
      return;
    }
    onCase?.(toCase(found, unique(found.path)));
  }

  /** The path with ` #2`, ` #3`, ... when it came before. */
  function unique(found: readonly string[]): string[] {
    const path = found.slice(0, MAX_DEPTH).map(cleanName);
    const before = paths.add(path);
    if (before === 0) return path;
    const last = path.pop() ?? '';
    let number = before + 1;
    // Someone may have named a test `a #2`.
    while (paths.has([...path, `${last} #${number}`])) number += 1;
    const numbered = [...path, `${last} #${number}`];
    paths.add(numbered);
    return numbered;
  }

  return {
    add,
    problem,
    get total() {
      return total;
    },
    get failures() {
      return failuresOf(counts);
    },
    skipAll(reason) {
      skipReason ??= cleanLine(reason);
    },
    finish(how, input) {
      const skipped = total === 0 && skipReason !== undefined;
      // When something happened to the run, it is no wonder that results are missing.
      if (!('verdict' in how)) {
        if (total === 0 && !skipped) {
          if (problemCount === 0) problem(nothingFound(how.exitCode, input));
        } else if ((how.exitCode ?? 0) !== 0 && failuresOf(counts) === 0 && !meansSkipped(how.exitCode)) {
          problem(`exit code ${how.exitCode}, and no test failed`);
        }
      }
      const verdict = judge(how, counts, problems);
      if (skipped && verdict.verdict === 'skipped' && skipReason !== '') verdict.message = skipReason ?? '';
      return { ...verdict, counts: { ...counts }, problems, problemCount };
    },
  };

  /** The code of kselftest or of Automake for a skipped test, where every test was. */
  function meansSkipped(exitCode: number | undefined): boolean {
    return (exitCode === 4 || exitCode === 77) && counts.skipped === totalOf(counts);
  }
}

function nothingFound(exitCode: number | undefined, input: { lines?: number; binary: boolean }): string {
  const where =
    input.lines === undefined ? '' : input.lines === 0 ? ': the input is empty' : ` in ${input.lines} lines`;
  const kind = input.binary ? '; it is not text' : '';
  return `no test results${where}${kind}${exitCode === undefined ? '' : ` (exit code ${exitCode})`}`;
}

function toCase(found: FoundCase, path: string[]): CaseResult {
  const result: CaseResult = { path, verdict: found.verdict };
  const message = cleanLine(found.message ?? '');
  if (message !== '') result.message = message;
  // Nobody looks at what a passed test wrote, and a million of them would not fit.
  if (found.verdict !== 'passed' && found.diagnostics !== undefined && found.diagnostics !== '') {
    result.diagnostics = cleanText(found.diagnostics);
  }
  const { durationMs, location } = found;
  if (durationMs !== undefined && Number.isFinite(durationMs) && durationMs >= 0) result.durationMs = durationMs;
  const file = cleanLine(location?.file ?? '');
  if (file !== '') {
    const line = location?.line;
    result.location = line !== undefined && Number.isSafeInteger(line) && line > 0 ? { file, line } : { file };
  }
  return result;
}
