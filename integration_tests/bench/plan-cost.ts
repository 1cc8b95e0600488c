/** What planning and scheduling cost for each job, without guests: an engine that answers at once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expandMatrix } from '../../runner/plan/matrix.js';
import { planRun } from '../../runner/plan/plan-run.js';
import { runPlan } from '../../runner/test-run/run-plan.js';
import { createFakeBoot } from '../../runner/test-run/testing/fake-boot.js';
import { beginOf, suite } from '../../runner/test-run/testing/jobs.js';

export interface PlanCost {
  cells: number;
  /** Milliseconds for each cell. */
  planMs: number;
  scheduleMs: number;
  /** Bytes of the heap after the run over those before it, for each cell. */
  heapBytes: number;
}

/** The collector of garbage, which Node gives to those who ask before they make a context. */
function exposedGc(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** One suite in each of so many cells. */
export async function measurePlanCost(count: number): Promise<PlanCost> {
  const labels = Array.from({ length: count }, (_, i) => ({ label: `c${i}`, guest: { memoryMib: 64 + (i % 64) } }));
  const gc = exposedGc();
  gc();
  const before = process.memoryUsage().heapUsed;
  const begun = performance.now();
  const cells = expandMatrix({
    base: {},
    axes: [{ name: 'point', values: labels }],
    exclude: [],
    include: [],
    overrides: [],
  });
  const { groups, plan } = planRun({ cells, suites: [suite('s')], timings: new Map() });
  const planned = performance.now();
  const output = await mkdtemp(join(tmpdir(), 'vmtest-bench-'));
  let events = 0;
  try {
    const status = await runPlan({
      begin: beginOf(plan.jobs),
      groups,
      boot: createFakeBoot({}).boot,
      capacity: { cpus: 8, memory: 4096 },
      output,
      emit: () => {
        events += 1;
      },
      signal: new AbortController().signal,
      repeatOf: ({ id }) => id,
    });
    if (status !== 'passed' || events < 4 * count) throw new Error(`${events} events, ${status}`);
  } finally {
    await rm(output, { recursive: true, force: true });
  }
  const ended = performance.now();
  gc();
  return {
    cells: count,
    planMs: (planned - begun) / count,
    scheduleMs: (ended - planned) / count,
    heapBytes: (process.memoryUsage().heapUsed - before) / count,
  };
}
