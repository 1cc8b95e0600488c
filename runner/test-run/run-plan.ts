/** Runs the jobs of a plan, as many guests at once as there is room for, and tells everything as events. */
import { setMaxListeners } from 'node:events';
import { abortReason } from '../deadline.js';
import { VmtestError } from '../errors.js';
import { DEFAULT_MEMORY_MIB } from '../machine/defaults.js';
import type { JobGroup } from '../plan/groups.js';
import type { Job } from '../plan/plan.js';
import type { RunBegin, RunEvent, RunStatus } from '../results/events/event.js';
import { runEndOf } from '../results/events/run-end.js';
import { createRunModel } from '../results/events/run-model.js';
import { noCounts } from '../results/suite-result.js';
import { isFailure } from '../results/verdict.js';
import { createSlots, type Resources } from '../schedule/slots.js';
import type { Boot } from './boot.js';
import { endingOf } from './ending.js';
import { runGroup } from './run-group.js';

export interface PlanRun {
  /** The first event; names all jobs of `groups`. */
  begin: RunBegin;
  /** In the order in which they should begin. */
  groups: readonly JobGroup[];
  boot: Boot;
  capacity: Resources;
  /** At most so many guests at once, however many CPUs they have. Default: as many as the CPUs of the host allow. */
  workers?: number | undefined;
  /** The directory of the results. */
  output: string;
  emit(event: RunEvent): void;
  /** Resolves when what was emitted is not too far ahead of whoever takes it. Default: nothing to wait for. */
  pace?: (() => Promise<void>) | undefined;
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

/** Emits all events of the run, from `run-begin` to `run-end`. */
export async function runPlan(run: PlanRun): Promise<RunStatus> {
  const model = createRunModel();
  // Every guest listens to it.
  setMaxListeners(0, run.signal);
  const begin = stopWith(run.signal);
  let failures = 0;
  const emit = (event: RunEvent): void => {
    const job = model.apply(event);
    run.emit(event);
    if (event.type !== 'job-end' || job === undefined || event.retried) return;
    // Reporters have models of their own; here only the verdicts are wanted.
    model.release(job);
    if (isFailure(event.verdict)) failures += 1;
    if (failures === run.maxFailures) begin.abort(enough(failures));
  };
  emit(run.begin);
  const { capacity, needOf } = budgetOf(run);
  const slots = createSlots(capacity);
  const { boot, output, signal, repeatOf } = run;
  const pace = run.pace ?? (async () => {});
  const context = { boot, output, emit, pace, signal, begin: begin.signal, repeatOf };
  await Promise.all(
    run.groups.map(async (group) => {
      try {
        await slots.run(needOf(group), () => runGroup(group, context), { signal: begin.signal });
      } catch (error) {
        // Cancelled while it waited: its jobs are not run.
        if (error === abortReason(begin.signal)) return;
        const waiting = group.filter(({ id }) => model.jobs.get(id)?.phase !== 'ended');
        for (const job of waiting) refuse(job, error, { emit, repeatOf });
      }
    }),
  );
  begin.release();
  const end = runEndOf(model, {
    time: Date.now(),
    interrupted: run.signal.aborted,
    failOnFlaky: run.failOnFlaky === true,
    ...(begin.signal.aborted ? { message: abortReason(begin.signal).message } : {}),
  });
  emit(end);
  return end.status;
}

const enough = (failures: number): VmtestError =>
  new VmtestError('VMTEST_MAX_FAILURES', `stopped when ${failures} had failed (--max-failures)`);

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

/** A job that cannot begin: its guest is too large for this machine. */
function refuse(job: Job, error: unknown, { emit, repeatOf }: Pick<PlanRun, 'emit' | 'repeatOf'>): void {
  const of = { time: Date.now(), job: job.id, attempt: 0 };
  emit({ type: 'job-begin', ...of });
  emit({
    type: 'job-end',
    ...of,
    verdict: 'infra-error',
    message: endingOf(error).message,
    durationMs: 0,
    counts: noCounts(),
    repeat: repeatOf(job),
    attachments: [],
  });
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
