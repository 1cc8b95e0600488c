/** A run as planned: from cells and suites to the jobs of this machine, in the order to begin them. Pure. */
import type { Shard } from '../units.js';
import type { JobGroup } from './groups.js';
import { type PlanInput, planJobs } from './jobs.js';
import { orderJobs } from './order.js';
import type { Job, Plan } from './plan.js';
import { requireJobs, type Selection, selectJobs } from './select.js';
import { shardJobs } from './shard.js';
import type { Timings } from './timings.js';

export interface RunRequest extends PlanInput, Selection {
  shard?: Shard | undefined;
  timings: Timings;
  /** A selection that fits nothing is no error. Default: it is. */
  passWithNoTests?: boolean;
}

export interface PlannedRun {
  /** All of the configuration's, whatever was selected: what `updateTimings` keeps. */
  all: Plan;
  /** What was selected, of all shards. */
  selected: Plan;
  /** Of this machine, in the order of the configuration. May be empty: there can be more shards than jobs. */
  plan: Plan;
  /** The same jobs in the order to begin them; those of a group share a guest, one after another. */
  groups: readonly JobGroup[];
}

/** Throws `VMTEST_CONFIG` as `planJobs` does, `VMTEST_USAGE` as `selectJobs` does or when the selection fits nothing. */
export function planRun(request: RunRequest): PlannedRun {
  const { cells, shard, timings, passWithNoTests = false } = request;
  const all = planJobs(request);
  const selected: readonly Job[] = selectJobs(all.jobs, cells, request);
  if (!passWithNoTests) requireJobs(selected, all.jobs, request);
  const jobs = shard === undefined ? selected : shardJobs(selected, shard, timings);
  return { all, selected: { jobs: selected }, plan: { jobs }, groups: orderJobs(jobs, timings) };
}
