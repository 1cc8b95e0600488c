/** Runs the jobs of a plan, as many guests at once as there is room for, and tells everything as events. */
import { setMaxListeners } from 'node:events';
import { abortReason } from '../deadline.js';
import { VmtestError } from '../errors.js';
import { DEFAULT_MEMORY_MIB } from '../machine/defaults.js';
import type { JobGroup } from '../plan/groups.js';
import type { Job } from '../plan/plan.js';
import type { RunEvent, RunStatus } from '../results/events/event.js';
import { statusOfJobs } from '../results/events/status.js';
import { type Counts, failuresOf, noCounts } from '../results/suite-result.js';
import { isFailure } from '../results/verdict.js';
import { createSlots, type Resources } from '../schedule/slots.js';
import type { AttemptResult } from './attempt.js';
import type { Boot } from './boot.js';
import { endingOf } from './ending.js';
import { runGroup } from './run-group.js';

export interface PlanRun {
  /** In the order in which they should begin. */
  groups: readonly JobGroup[];
  boot: Boot;
  capacity: Resources;
  /** At most so many guests at once, however many CPUs they have. Default: as many as the CPUs of the host allow. */
  workers?: number | undefined;
  /** The directory of the results. */
  output: string;
  emit(event: RunEvent): void;
  /** Interrupts the run: what runs is ended, nothing else begins, and the run still ends with `run-end`. */
  signal: AbortSignal;
  /** No other job begins when so many have failed; those that run come to their end. Default: never. */
  maxFailures?: number | undefined;
  /** A job that passed only when it was tried again makes the run `failed`. */
  failOnFlaky?: boolean | undefined;
  repeatOf(job: Job): string;
}

/** What a guest takes of the host besides its memory: the VMM, page tables, buffers. MiB. */
const OVERHEAD_MIB = 32;

/** Emits everything between `run-begin` and `run-end`, and `run-end`. */
export async function runPlan(run: PlanRun): Promise<RunStatus> {
  const begun = performance.now();
  const counts = { jobs: noCounts(), cases: noCounts() };
  counts.jobs['not-run'] = run.groups.reduce((sum, jobs) => sum + jobs.length, 0);
  const begin = stopWith(run.signal);
  const settle = (_job: Job, { verdict, counts: cases }: AttemptResult): void => {
    counts.jobs['not-run'] -= 1;
    counts.jobs[verdict] += 1;
    for (const name of Object.keys(cases) as (keyof Counts)[]) counts.cases[name] += cases[name];
    if (isFailure(verdict) && failuresOf(counts.jobs) - counts.jobs['not-run'] >= (run.maxFailures ?? Infinity)) {
      begin.abort(
        new VmtestError('VMTEST_MAX_FAILURES', `stopped when ${run.maxFailures} had failed (--max-failures)`),
      );
    }
  };
  const { capacity, needOf } = budgetOf(run);
  const slots = createSlots(capacity);
  const context = {
    boot: run.boot,
    output: run.output,
    emit: run.emit,
    signal: run.signal,
    begin: begin.signal,
    repeatOf: run.repeatOf,
    onJob: settle,
  };
  await Promise.all(
    run.groups.map(async (group) => {
      try {
        await slots.run(needOf(group), () => runGroup(group, context), { signal: begin.signal });
      } catch (error) {
        // Cancelled while it waited: its jobs are not run.
        if (begin.signal.aborted) return;
        refuse(group, error, run, settle);
      }
    }),
  );
  begin.release();
  const status = run.signal.aborted
    ? 'interrupted'
    : statusOfJobs(counts.jobs, { failOnFlaky: run.failOnFlaky === true });
  run.emit({
    type: 'run-end',
    time: Date.now(),
    status,
    durationMs: Math.round(performance.now() - begun),
    ...counts,
    ...(counts.jobs['not-run'] > 0 ? { message: abortReason(begin.signal).message } : {}),
  });
  return status;
}

/** With a number of workers each guest takes one of them, and its memory; otherwise its CPUs and its memory. */
function budgetOf({ capacity, workers }: PlanRun): {
  capacity: Resources;
  needOf(group: JobGroup): Resources;
} {
  return {
    capacity: workers === undefined ? capacity : { ...capacity, cpus: workers },
    needOf([{ cell }]) {
      const { cpus = 1, memoryMib = DEFAULT_MEMORY_MIB } = cell.guest;
      return { cpus: workers === undefined ? cpus : 1, memory: memoryMib + OVERHEAD_MIB };
    },
  };
}

/** Jobs that can never begin: a guest that is too large for this machine. */
function refuse(
  jobs: JobGroup,
  error: unknown,
  { emit, repeatOf }: PlanRun,
  settle: (job: Job, result: AttemptResult) => void,
): void {
  const { message } = endingOf(error);
  for (const job of jobs) {
    const of = { time: Date.now(), job: job.id, attempt: 0 };
    const counts = noCounts();
    emit({ type: 'job-begin', ...of });
    emit({
      type: 'job-end',
      ...of,
      verdict: 'infra-error',
      message,
      durationMs: 0,
      counts,
      repeat: repeatOf(job),
      attachments: [],
    });
    settle(job, { verdict: 'infra-error', retry: false, counts });
  }
}

function stopWith(signal: AbortSignal): AbortController & { release(): void } {
  const controller = new AbortController();
  // Every job that waits listens to it.
  setMaxListeners(0, controller.signal);
  const follow = (): void => controller.abort(abortReason(signal));
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  return Object.assign(controller, { release: () => signal.removeEventListener('abort', follow) });
}
