/** One attempt of a job, from its guest to its verdict. */
import { settledWithin, withLimits } from '../deadline.js';
import { guestEndError } from '../machine/describe-end.js';
import type { Job } from '../plan/plan.js';
import type { RunEvent } from '../results/events/event.js';
import type { Fault } from '../results/faults/fault.js';
import { symbolize } from '../results/faults/symbolize.js';
import { formatOf } from '../results/formats.js';
import type { ResultParser } from '../results/parser.js';
import { noCounts, type SuiteResult } from '../results/suite-result.js';
import { isFailure } from '../results/verdict.js';
import { type CaseRecorder, createCaseRecorder } from './case-recorder.js';
import { type Ending, endingOf } from './ending.js';
import { createExpectations, type Expectations, unmet } from './expectations.js';
import { createFaultWatch } from './fault-watch.js';
import { findVmlinux } from './find-vmlinux.js';
import type { GuestHolder, HeldGuest } from './guest-holder.js';
import { jobDirectory } from './job-directory.js';
import { type JobFiles, openJobFiles } from './job-files.js';
import { type Judged, judgeAttempt } from './judge-attempt.js';
import { runSuite, type StepContext, tidyUp } from './suite-steps.js';
import { createTotalLimit, type TotalLimit } from './total-limit.js';

export interface AttemptContext {
  holder: GuestHolder;
  /** The directory of the results. */
  output: string;
  emit(event: RunEvent): void;
  /** Resolves when what was emitted is not too far ahead of the disk. */
  pace(): Promise<void>;
  /** Ends the attempt: it is then `interrupted`. */
  signal: AbortSignal;
  /** The first is 0. */
  attempt: number;
  /** There will be no other one. */
  last: boolean;
  /** A line for a shell that runs this job and no other. */
  repeat: string;
}

/** What an event says besides when and of whom. */
type Facts = RunEvent extends infer Event
  ? Event extends { job: string; attempt: number }
    ? Omit<Event, 'time' | 'job' | 'attempt'>
    : never
  : never;

/** How many of the last lines of the console the end of a failed attempt carries. */
const CONSOLE_LINES = 30;
/** How long a guest may take to say that all it wrote to its console is here. Milliseconds. */
const BARRIER_MS = 5000;
/** How long the news that a guest has ended may take. Milliseconds. */
const LATE_END_MS = 1000;

/** Whether there is to be another one. Never rejects because of a guest, or of what ran in it: that is its verdict. */
export async function runAttempt(job: Job, context: AttemptContext): Promise<boolean> {
  const attempt = new Attempt(job, context);
  await attempt.run();
  return attempt.finish();
}

class Attempt {
  readonly #job: Job;
  readonly #context: AttemptContext;
  readonly #begun = performance.now();
  readonly #files: JobFiles;
  readonly #faults = createFaultWatch();
  readonly #warnings: string[] = [];
  #expectations: Expectations;
  #recorder: CaseRecorder | undefined;
  #parser: ResultParser | undefined;
  #guest: HeldGuest | undefined;
  #skipped: string | undefined;
  #exitCode: number | undefined;
  #ending: Ending | undefined;
  #judged: Judged = { verdict: 'passed', seen: 'passed' };

  constructor(job: Job, context: AttemptContext) {
    this.#job = job;
    this.#context = context;
    this.#files = openJobFiles(context.output, jobDirectory(job, context.attempt));
    this.#expectations = createExpectations(job.suite.expect, { cell: job.cell }, new Date());
    this.#tell({ type: 'job-begin' });
  }

  async run(): Promise<void> {
    const { timeouts } = this.#job.suite;
    this.#skipped = this.#reasonToSkip();
    if (this.#skipped !== undefined) return;
    using limit = createTotalLimit(timeouts.total, this.#context.signal);
    try {
      await this.#takeGuest(limit);
      if (this.#skipped === undefined) this.#exitCode = await runSuite(this.#steps(limit.signal));
    } catch (error) {
      this.#ending = endingOf(error);
    }
    if (this.#skipped !== undefined) return;
    if (this.#guest !== undefined && (await this.#isAlive(this.#guest))) {
      await tidyUp(this.#steps(this.#context.signal));
      await this.#hearConsole(this.#guest);
      await this.#notePanic(this.#guest);
    }
    await this.#judge();
  }

  /** Ends the guest where it is not good any more, and tells the end. Whether to try again. */
  async finish(): Promise<boolean> {
    const { attempt, last, signal, holder, repeat } = this.#context;
    const judged: Judged =
      this.#skipped === undefined ? this.#judged : { verdict: 'skipped', seen: 'skipped', message: this.#skipped };
    const failed = isFailure(judged.verdict);
    const console = failed ? this.#lastLines() : [];
    if (isFailure(judged.seen) || this.#job.suite.isolate === 'guest') {
      await holder[Symbol.asyncDispose]().catch((error: Error) => {
        this.#warnings.push(`the guest could not be ended: ${error.message}`);
      });
    }
    holder.console?.attach(undefined);
    await this.#files[Symbol.asyncDispose]();
    // What passed against all expectation is not tried until it fails.
    const retry = failed && isFailure(judged.seen) && !last && !signal.aborted;
    const flaky = judged.verdict === 'passed' && attempt > 0;
    const verdict = flaky ? 'flaky' : judged.verdict;
    const message = flaky ? `passed when it was tried again (attempt ${attempt + 1})` : judged.message;
    const counts = this.#recorder?.counts ?? noCounts();
    const warnings = [...this.#warnings, ...this.#expectations.expired(), ...this.#files.warnings()];
    this.#tell({
      type: 'job-end',
      verdict,
      ...(message === undefined ? {} : { message }),
      durationMs: Math.round(performance.now() - this.#begun),
      counts: { ...counts },
      ...(this.#exitCode === undefined ? {} : { exitCode: this.#exitCode }),
      ...(console.length === 0 ? {} : { console }),
      repeat,
      attachments: this.#files.attachments(),
      ...(retry ? { retried: true } : {}),
      ...(warnings.length === 0 ? {} : { warnings }),
    });
    return retry;
  }

  #reasonToSkip(kernelRelease?: string, engine?: string): string | undefined {
    const { suite, cell } = this.#job;
    return unmet(suite.only, { cell, kernelRelease, engine }) ?? this.#expectations.skip;
  }

  async #takeGuest(limit: TotalLimit): Promise<void> {
    const { cell, suite } = this.#job;
    const guest = await this.#context.holder.take({
      bootTimeoutMs: suite.timeouts.boot,
      signal: limit.signal,
      listener: {
        console: (chunk) => this.#files.console(chunk),
        onFaultBegin: (line) => this.#suspect(line),
      },
      onImages: () => this.#tell({ type: 'stage', stage: 'images' }),
      onStart: (timeScale) => {
        limit.stretch(timeScale);
        this.#tell({ type: 'stage', stage: 'boot' });
      },
      onLog: (message) => void this.#warnings.push(message),
    });
    this.#guest = guest;
    const { engine, timeScale, hello } = guest.machine;
    if (guest.shared) limit.stretch(timeScale);
    const { kernelRelease, machine: arch } = hello;
    this.#tell({
      type: 'guest',
      engine,
      ...(guest.engineReason === undefined ? {} : { engineReason: guest.engineReason }),
      ...(timeScale === 1 ? {} : { timeScale }),
      arch,
      kernelRelease,
      ...(guest.image === undefined ? {} : { image: guest.image }),
      bootMs: Math.round(guest.bootMs),
      ...(guest.shared ? { shared: true } : {}),
    });
    this.#expectations = createExpectations(suite.expect, { cell, kernelRelease, engine }, new Date());
    this.#skipped = this.#reasonToSkip(kernelRelease, engine);
    const recorder = createCaseRecorder(this.#expectations, (found) => this.#tell({ type: 'case', ...found }));
    this.#recorder = recorder;
    this.#parser = formatOf(suite.parse).create({ onCase: (found) => recorder.add(found), name: suite.name });
  }

  #suspect(line: number): void {
    const running = this.#parser?.running();
    this.#faults.begin(line, running);
    if (running !== undefined) this.#recorder?.suspect(running);
  }

  #steps(signal: AbortSignal): StepContext {
    if (this.#guest === undefined || this.#parser === undefined) throw new Error('there is no guest');
    return {
      machine: this.#guest.machine,
      suite: this.#job.suite,
      files: this.#files,
      parser: this.#parser,
      signal,
      shared: this.#guest.shared,
      pace: this.#context.pace,
      onStage: (stage) => this.#tell({ type: 'stage', stage }),
      warn: (message) => void this.#warnings.push(message),
    };
  }

  async #isAlive({ machine }: HeldGuest): Promise<boolean> {
    const { verdict } = this.#ending ?? {};
    if (verdict === 'interrupted' || verdict === 'kernel-panic' || verdict === 'guest-exit') return false;
    return !(await settledWithin(machine.ended, verdict === 'infra-error' ? LATE_END_MS : 0));
  }

  /** The console comes on the same channel as the answer: what was written before is here when that is. */
  async #hearConsole({ machine }: HeldGuest): Promise<void> {
    const { signal } = this.#context;
    await withLimits(machine.stats({ signal }), { timeoutMs: BARRIER_MS * machine.timeScale, signal }).catch(() => {});
  }

  /** A kernel that panicked when everything seemed to be done: nobody waited for an answer any more. */
  async #notePanic({ machine }: HeldGuest): Promise<void> {
    if (this.#ending !== undefined || !(await settledWithin(machine.ended, 0))) return;
    const end = await machine.ended;
    if (end.panicked) this.#ending = endingOf(guestEndError(end, machine.console, 'after the command'));
  }

  async #judge(): Promise<void> {
    const { holder } = this.#context;
    const found = await this.#withSources(holder.takeFaults());
    const { faults, failing, titles, warnings } = this.#faults.judge(found, this.#job.suite, new Date());
    this.#warnings.push(...warnings);
    this.#recorder?.settle(titles);
    const result = this.#parsed();
    for (const fault of faults) this.#tell({ type: 'fault', ...fault });
    this.#judged = judgeAttempt({
      ending: this.#ending,
      result,
      counts: this.#recorder?.counts ?? noCounts(),
      changed: this.#recorder?.changed ?? false,
      exitCode: this.#job.suite.parse === 'exit-code' ? undefined : this.#exitCode,
      failing,
      expectations: this.#expectations,
    });
  }

  /** Lines of the source, where the debug information of the kernel is at hand. */
  async #withSources(faults: Fault[]): Promise<readonly Fault[]> {
    const release = this.#guest?.machine.hello.kernelRelease;
    if (faults.length === 0 || release === undefined) return faults;
    const vmlinux = await findVmlinux(this.#job.cell.guest.kernel, release);
    if (vmlinux === undefined) return faults;
    return (await symbolize(faults, { vmlinux, signal: this.#context.signal })).faults;
  }

  /** Cases that a parser waits with come out of it here. */
  #parsed(): SuiteResult | undefined {
    if (this.#ending !== undefined) return this.#parser?.end(this.#ending);
    return this.#parser?.end(this.#exitCode === undefined ? {} : { exitCode: this.#exitCode });
  }

  #lastLines(): readonly string[] {
    if (this.#ending?.console !== undefined) return this.#ending.console;
    return this.#context.holder.console?.log.tail(CONSOLE_LINES) ?? [];
  }

  #tell(facts: Facts): void {
    const { emit, attempt } = this.#context;
    emit({ time: Date.now(), job: this.#job.id, attempt, ...facts } as RunEvent);
  }
}
