/** Jobs that belong together. Pure. */
import type { Job } from './plan.js';

/** Run one after another, in this order, in one guest where there is more than one. Never empty. */
export type JobGroup = readonly [Job, ...Job[]];

/**
 * Suites of `isolate: 'cell'` share a guest with the others of their cell, and each repetition has a guest of its own; every
 * other job is a group by itself. In the order of the first job of each.
 */
export function groupJobs(jobs: readonly Job[]): JobGroup[] {
  const groups: [Job, ...Job[]][] = [];
  const shared = new Map<string, [Job, ...Job[]]>();
  for (const job of jobs) {
    const key = job.suite.isolate === 'cell' ? `${job.cell.name} #${job.repetition}` : undefined;
    const group = key === undefined ? undefined : shared.get(key);
    if (group !== undefined) {
      group.push(job);
      continue;
    }
    const begun: [Job, ...Job[]] = [job];
    groups.push(begun);
    if (key !== undefined) shared.set(key, begun);
  }
  return groups;
}
