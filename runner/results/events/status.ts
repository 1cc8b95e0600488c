/** How a run ended, as one word and as an exit code. Pure. */
import { type Counts, noCounts } from '../suite-result.js';
import { type CaseVerdict, isFailure } from '../verdict.js';
import type { RunStatus } from './event.js';
import type { RunModel } from './run-model.js';

/** Exit codes of the commands that run a plan or join reports; 2 is for bad arguments and configurations. */
const EXIT_CODES: Readonly<Record<RunStatus, number>> = {
  passed: 0,
  failed: 1,
  'infra-error': 3,
  interrupted: 130,
};

export const exitCodeOfStatus = (status: RunStatus): number => EXIT_CODES[status];

/** Which word stands for two runs, or for what a run says of itself and what its jobs say. */
const RANK: readonly RunStatus[] = ['passed', 'infra-error', 'failed', 'interrupted'];

export const worstStatus = (a: RunStatus, b: RunStatus): RunStatus => (RANK.indexOf(a) >= RANK.indexOf(b) ? a : b);

/** Jobs by their last verdict; `not-run` for those that have none. */
export function jobCounts(model: Pick<RunModel, 'jobs'>): Counts {
  const counts = noCounts();
  for (const { phase, end } of model.jobs.values()) {
    counts[phase === 'ended' && end !== undefined ? end.verdict : 'not-run'] += 1;
  }
  return counts;
}

/** Of a run whose jobs ended so. A job that was not run is a failure, whatever the reason. */
export function statusOfJobs(counts: Counts, options: { failOnFlaky?: boolean } = {}): RunStatus {
  if (counts.interrupted > 0) return 'interrupted';
  if (options.failOnFlaky && counts.flaky > 0) return 'failed';
  const failing = (Object.keys(counts) as CaseVerdict[]).filter((verdict) => counts[verdict] > 0 && isFailure(verdict));
  if (failing.some((verdict) => verdict !== 'infra-error' && verdict !== 'not-run')) return 'failed';
  if (failing.length === 0) return 'passed';
  // Where nothing failed it was the host that kept jobs from running.
  return counts['infra-error'] > 0 ? 'infra-error' : 'failed';
}

/**
 * Of what is known so far: `interrupted` has precedence, then `failed`, then `infra-error`. A run without an end was
 * killed, and so `interrupted`.
 */
export function statusOf(model: RunModel, options: { failOnFlaky?: boolean } = {}): RunStatus {
  const ofJobs = statusOfJobs(jobCounts(model), options);
  return model.end === undefined ? 'interrupted' : worstStatus(model.end.status, ofJobs);
}
