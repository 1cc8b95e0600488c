/** Parts of a plan for several machines. Pure: the same on each of them. */
import type { Shard } from '../units.js';
import { groupJobs } from './groups.js';
import type { Job } from './plan.js';
import { estimator, type Timings } from './timings.js';

/**
 * The jobs of one shard, in the order of the plan. Every job is in exactly one of the shards, and jobs that share a guest are
 * in the same one. The longest go first, each to the shard that has the least so far (of equals, the first of the jobs and the
 * first of the shards), so that no machine works much longer than another; where nothing is recorded, all jobs count the same.
 * `jobs` is all that is to run on all machines: its order and the timings decide, nothing else.
 */
export function shardJobs(jobs: readonly Job[], { index, count }: Shard, timings: Timings): Job[] {
  const expected = estimator(jobs, timings);
  const groups = groupJobs(jobs).map((group) => ({
    group,
    weight: group.reduce((sum, job) => sum + expected(job), 0),
  }));
  groups.sort((a, b) => b.weight - a.weight); // Stable: equals stay in the order of the plan.
  const loads = Array.from({ length: count }, () => ({ weight: 0, jobs: 0 }));
  const mine = new Set<Job>();
  for (const { group, weight } of groups) {
    const least = leastLoaded(loads);
    const load = loads[least];
    if (load === undefined) break;
    load.weight += weight;
    load.jobs += group.length;
    if (least === index - 1) for (const job of group) mine.add(job);
  }
  return jobs.filter((job) => mine.has(job));
}

/** The number of jobs decides between equals, for jobs that take no time. */
function leastLoaded(loads: readonly { weight: number; jobs: number }[]): number {
  let least = 0;
  for (let index = 1; index < loads.length; index += 1) {
    const [a, b] = [loads[index], loads[least]];
    if (a === undefined || b === undefined) continue;
    if (a.weight < b.weight || (a.weight === b.weight && a.jobs < b.jobs)) least = index;
  }
  return least;
}
