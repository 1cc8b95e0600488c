/** What a whole stream of results says, and how its verdict is found. Pure. */
import { type AbnormalVerdict, type CaseVerdict, isFailure, type Verdict } from './verdict.js';

/** Something that makes the results hard to believe. */
export interface Problem {
  message: string;
  /** The line of the input; the first is 1. */
  line?: number;
}

export type Counts = Record<CaseVerdict, number>;

export interface SuiteResult {
  verdict: Verdict;
  /** Why it is not `passed`, in one line. */
  message?: string;
  counts: Counts;
  /** The first ones; `problemCount` has the number of all. */
  problems: readonly Problem[];
  problemCount: number;
}

/**
 * How what wrote the results ended: by itself, with an exit code where that is known, or by something that
 * happened to it, which becomes the verdict of the case that was running.
 */
export type RunEnd = { exitCode?: number } | { verdict: AbnormalVerdict; message?: string };

export const noCounts = (): Counts => ({
  passed: 0,
  flaky: 0,
  skipped: 0,
  failed: 0,
  'kernel-splat': 0,
  'kernel-panic': 0,
  'guest-exit': 0,
  'idle-timeout': 0,
  'command-timeout': 0,
  'boot-timeout': 0,
  'infra-error': 0,
  interrupted: 0,
  'not-run': 0,
});

export const totalOf = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Cases that are no success. */
export function failuresOf(counts: Counts): number {
  return (Object.keys(counts) as CaseVerdict[]).reduce((sum, verdict) => {
    return isFailure(verdict) ? sum + counts[verdict] : sum;
  }, 0);
}

/** `3 passed, 1 failed`, without what is zero; `no tests` when all are. */
export function countsLine(counts: Counts): string {
  const parts = (Object.keys(counts) as CaseVerdict[]).filter((verdict) => counts[verdict] > 0);
  return parts.length === 0 ? 'no tests' : parts.map((verdict) => `${counts[verdict]} ${verdict}`).join(', ');
}

/** What happened to the run comes first, then what failed, then what cannot be believed. */
export function judge(
  how: RunEnd,
  counts: Counts,
  problems: readonly Problem[],
): Pick<SuiteResult, 'verdict' | 'message'> {
  if ('verdict' in how) return { verdict: how.verdict, ...(how.message === undefined ? {} : { message: how.message }) };
  const failed = failuresOf(counts);
  const [problem] = problems;
  if (failed > 0) {
    const share = `${failed} of ${totalOf(counts)} ${totalOf(counts) === 1 ? 'test' : 'tests'} did not pass`;
    return { verdict: 'failed', message: problem === undefined ? share : `${share}; ${problem.message}` };
  }
  if (problem !== undefined) return { verdict: 'failed', message: problem.message };
  if (counts.flaky > 0) return { verdict: 'flaky', message: `${counts.flaky} passed only when tried again` };
  if (counts.passed === 0) return { verdict: 'skipped', message: 'every test was skipped' };
  return { verdict: 'passed' };
}
