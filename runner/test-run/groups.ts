/** Which jobs share a guest. Pure. */
import type { Job } from '../plan/plan.js';

/** Jobs that run one after the other: in one guest as long as it is good, or a single one. */
export interface JobGroup {
  jobs: readonly Job[];
}

/** Jobs of one cell that want it share a guest, each repetition has another; the groups are in the order of their first jobs. */
export function groupJobs(jobs: readonly Job[]): JobGroup[] {
  const groups: { jobs: Job[] }[] = [];
  const shared = new Map<string, { jobs: Job[] }>();
  for (const job of jobs) {
    const key = JSON.stringify([job.cell.name, job.repetition]);
    const known = job.suite.isolate === 'cell' ? shared.get(key) : undefined;
    if (known !== undefined) {
      known.jobs.push(job);
      continue;
    }
    const group = { jobs: [job] };
    groups.push(group);
    if (job.suite.isolate === 'cell') shared.set(key, group);
  }
  return groups;
}
