/** In which order jobs are begun. Pure. */
import { groupJobs, type JobGroup } from './groups.js';
import type { Job } from './plan.js';
import { estimator, type Timings, timingKey } from './timings.js';

/**
 * What takes longest is begun first: begun last, it would keep one guest busy when all others are done. Equals, and all of
 * them where nothing is recorded, stay in the order of the plan.
 */
export function orderJobs(jobs: readonly Job[], timings: Timings): JobGroup[] {
  if (!jobs.some((job) => timings.has(timingKey(job)))) return groupJobs(jobs);
  const expected = estimator(jobs, timings);
  return groupJobs(jobs)
    .map((group) => ({ group, weight: group.reduce((sum, job) => sum + expected(job), 0) }))
    .sort((a, b) => b.weight - a.weight)
    .map(({ group }) => group);
}
