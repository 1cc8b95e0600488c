/** The words for how a test, or a suite of tests, ended. Pure. */

export const VERDICTS = [
  'passed',
  /** Failed, then passed when it was tried again. */
  'flaky',
  'skipped',
  'failed',
  'kernel-splat',
  'kernel-panic',
  'guest-exit',
  'idle-timeout',
  'command-timeout',
  'boot-timeout',
  'infra-error',
  'interrupted',
] as const;

/** How a suite ended. */
export type Verdict = (typeof VERDICTS)[number];

/** How a case ended; `not-run`: it was planned, and the run ended before its turn. */
export type CaseVerdict = Verdict | 'not-run';

/** The words that a suite can be ended with from outside, while a case is running. */
export type AbnormalVerdict = Exclude<Verdict, 'passed' | 'flaky' | 'skipped'>;

/** Whether a result must not be called a success. A case that never ran is no success. */
export function isFailure(verdict: CaseVerdict): boolean {
  return verdict !== 'passed' && verdict !== 'flaky' && verdict !== 'skipped';
}
