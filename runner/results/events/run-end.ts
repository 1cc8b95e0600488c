/** The events that only a whole plan or a whole run can tell. Pure. */
import { createHash } from 'node:crypto';
import type { RunEnd } from './event.js';
import type { RunModel } from './run-model.js';
import { jobCounts, statusOfJobs } from './status.js';

/** `plan` of `run-begin`: of the ids of the jobs of all shards, in the plan's order. */
export function planDigest(ids: readonly string[]): string {
  return createHash('sha256')
    .update(ids.map((id) => `${id}\n`).join(''))
    .digest('hex');
}

export interface RunEndFacts {
  /** Milliseconds since 1970. */
  time: number;
  /** The user stopped it; jobs that were not run are then no failure. Default: no. */
  interrupted?: boolean;
  failOnFlaky?: boolean;
  /** Why jobs were not run, or why it failed although no job did. */
  message?: string;
}

/** The last event of a run whose other events are in `model`. */
export function runEndOf(model: RunModel, facts: RunEndFacts): RunEnd {
  const { time, interrupted, failOnFlaky = false, message } = facts;
  const jobs = jobCounts(model);
  return {
    type: 'run-end',
    time,
    status: interrupted ? 'interrupted' : statusOfJobs(jobs, { failOnFlaky }),
    durationMs: Math.max(0, time - (model.run?.time ?? time)),
    jobs,
    cases: { ...model.cases },
    ...(message === undefined ? {} : { message }),
  };
}
