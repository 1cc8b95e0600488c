/** A test run as a whole: from a configuration and a command line to reports, and to one word about all of it. */
import { randomUUID } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { relative } from 'node:path';
import { type LoadedConfig, loadConfig } from '../config/load-config.js';
import type { RunSettings } from '../config/settings.js';
import { readTimings, writeTimings } from '../config/timings-file.js';
import type { EngineChoice } from '../engine/choice.js';
import type { Job } from '../plan/plan.js';
import { type PlannedRun, planRun } from '../plan/plan-run.js';
import type { Selection } from '../plan/select.js';
import { type Timings, timingKey, updateTimings } from '../plan/timings.js';
import type { ReporterContext } from '../reporters/reporter.js';
import { createReporters, type ReporterProblem } from '../reporters/reporters.js';
import type { ReporterSpec } from '../reporters/spec.js';
import {
  type EngineUse,
  EVENTS_VERSION,
  type RunBegin,
  type RunEvent,
  type RunStatus,
} from '../results/events/event.js';
import { planDigest } from '../results/events/run-end.js';
import { openEventWriter } from '../results/events/writer.js';
import type { Verdict } from '../results/verdict.js';
import { hostBudget } from '../schedule/host-budget.js';
import type { Resources } from '../schedule/slots.js';
import type { Shard, Workers } from '../units.js';
import type { Boot } from './boot.js';
import { readLastFailed, takeOutputDirectory } from './output-directory.js';
import { repeatCommand } from './repeat-command.js';
import { runPlan } from './run-plan.js';

/** What a command line says; where it is silent, the configuration has its say. */
export interface TestRequest extends Omit<Selection, 'lastFailed'> {
  /** Absolute. */
  cwd: string;
  config?: string | undefined;
  shard?: Shard | undefined;
  workers?: Workers | undefined;
  retries?: number | undefined;
  /** How often each suite runs. Default: 1. */
  repeatEach?: number | undefined;
  maxFailures?: number | undefined;
  lastFailed?: boolean | undefined;
  reporters?: readonly ReporterSpec[] | undefined;
  /** Directory of the results, absolute. */
  output?: string | undefined;
  /** Of each command, milliseconds. */
  timeoutMs?: number | undefined;
  /** Of all guests. */
  engine?: EngineChoice | undefined;
  failOnFlaky?: boolean | undefined;
  passWithNoTests?: boolean | undefined;
  updateTimings?: boolean | undefined;
}

export interface TestEnvironment {
  boot: Boot;
  /** The engines that serve its guests, for the record. */
  engines?: readonly EngineUse[];
  /** Of vmtest itself. */
  version: string;
  /** The arguments of the command line, for the record. */
  argv: readonly string[];
  stdout: ReporterContext['stdout'];
  env: NodeJS.ProcessEnv;
  warn(message: string): void;
  /** Interrupts the run. */
  signal: AbortSignal;
  /** What the host has for guests. Default: what is free on this machine. */
  budget?: Resources;
}

export interface TestOutcome {
  status: RunStatus;
  /** Reporters that failed. */
  problems: readonly ReporterProblem[];
  /** The events could not be written to their end. */
  lost: boolean;
}

export interface PlannedTests {
  config: LoadedConfig;
  timings: Timings;
  planned: PlannedRun;
  /** Those of the configuration, with what the command line says in their place. */
  settings: RunSettings;
}

/** Throws `VMTEST_CONFIG` and `VMTEST_USAGE`; starts nothing. */
export async function planTests(request: TestRequest): Promise<PlannedTests> {
  const config = await loadConfig({ cwd: request.cwd, config: request.config });
  const timings = await readTimings(config.directory);
  const settings = settingsWith(config.settings, request);
  const { timeoutMs, retries, repeatEach } = request;
  const lastFailed = request.lastFailed === true ? await readLastFailed(settings.output) : undefined;
  const planned = planRun({
    ...config,
    ...request,
    lastFailed,
    timings,
    force: {
      ...(timeoutMs === undefined ? {} : { timeouts: { command: timeoutMs } }),
      ...(retries === undefined ? {} : { retries }),
    },
    ...(repeatEach === undefined ? {} : { repeat: repeatEach }),
    passWithNoTests: request.passWithNoTests === true,
  });
  return { config, timings, planned, settings };
}

/** Runs what was planned. Throws `VMTEST_RESULTS` when the results cannot be written at all. */
export async function runTests(
  request: TestRequest,
  { config, timings, planned, settings }: PlannedTests,
  environment: TestEnvironment,
): Promise<TestOutcome> {
  const { output } = settings;
  const { stdout, env, warn, signal } = environment;
  await using directory = await takeOutputDirectory(output);
  await using writer = await openEventWriter(output, { onProblem: ({ message }) => warn(message) });
  const reporters = await createReporters(
    settings.reporters ?? defaultReporters(env),
    { stdout, env, cwd: request.cwd, results: output, documents: 'results', live: true },
    ({ error }) => warn(error.message),
  );
  const measured = new Map<string, number>();
  const jobs = new Map(planned.plan.jobs.map((job) => [job.id, job]));
  const emit = (event: RunEvent): void => {
    writer.write(event);
    reporters.onEvent(event);
    if (event.type === 'job-end' && TIMED.has(event.verdict)) noteTime(measured, jobs.get(event.job), event.durationMs);
  };
  await directory.begin();
  let pieces = 0;
  const pace = async (): Promise<void> => {
    if (writer.backlog > MAX_BACKLOG) await writer.synced();
    pieces += 1;
    if (pieces % 64 === 0) await reporters.drained();
  };
  const name = relative(request.cwd, config.file);
  const status = await runPlan({
    begin: beginning(request, planned, environment, name),
    groups: planned.groups,
    boot: environment.boot,
    capacity: environment.budget ?? (await hostBudget()),
    workers: workerCount(settings.workers),
    output,
    emit,
    pace,
    signal,
    maxFailures: settings.maxFailures,
    failOnFlaky: settings.failOnFlaky,
    repeatOf: (job) => repeatCommand(job, name, request.engine),
  });
  await writer.synced();
  const problems = await reporters.finish();
  if (request.updateTimings === true) {
    await writeTimings(config.directory, updateTimings(timings, measured, planned.all.jobs));
  }
  return { status, problems, lost: writer.problem !== undefined };
}

/** Bytes of events that may wait for the disk. */
const MAX_BACKLOG = 16 * 2 ** 20;

function beginning(
  request: TestRequest,
  { selected, plan }: PlannedRun,
  { version, argv, engines }: TestEnvironment,
  config: string,
): RunBegin {
  return {
    type: 'run-begin',
    version: EVENTS_VERSION,
    time: Date.now(),
    id: randomUUID(),
    vmtest: version,
    config,
    argv,
    ...(request.shard === undefined ? {} : { shard: request.shard }),
    plan: planDigest(selected.jobs.map(({ id }) => id)),
    hostname: hostname(),
    ...(engines === undefined ? {} : { engines }),
    jobs: plan.jobs.map(({ id, cell, suite }) => ({ id, cell: cell.name, suite: suite.name, axes: cell.axes })),
  };
}

/** Ends that say how long a suite takes. */
const TIMED: ReadonlySet<Verdict> = new Set<Verdict>(['passed', 'flaky', 'failed', 'kernel-splat']);

/** The longest of its attempts: a retry says nothing about how long it takes when all is well, and neither does a first failure. */
function noteTime(measured: Map<string, number>, job: Job | undefined, ms: number): void {
  if (job === undefined) return;
  const key = timingKey(job);
  measured.set(key, Math.max(ms, measured.get(key) ?? 0));
}

function workerCount(workers: Workers): number | undefined {
  if (workers === 'auto') return undefined;
  if ('count' in workers) return workers.count;
  return Math.max(1, Math.floor((availableParallelism() * workers.percent) / 100));
}

/** A reporter of the command line has the options that the configuration gives it, unless it brings its own. */
function settingsWith(settings: RunSettings, request: TestRequest): RunSettings {
  const { maxFailures: configured, ...rest } = settings;
  const { workers, reporters, output, maxFailures = configured ?? 0, failOnFlaky } = request;
  const known = (spec: ReporterSpec): ReporterSpec | undefined =>
    spec.output === undefined && spec.junit === undefined
      ? settings.reporters?.find(({ name }) => name === spec.name)
      : undefined;
  return {
    ...rest,
    ...(workers === undefined ? {} : { workers }),
    ...(reporters === undefined ? {} : { reporters: reporters.map((spec) => known(spec) ?? spec) }),
    ...(output === undefined ? {} : { output }),
    // 0 is no limit.
    ...(maxFailures === 0 ? {} : { maxFailures }),
    ...(failOnFlaky === undefined ? {} : { failOnFlaky }),
  };
}

/** For people, for CI systems, and for GitHub where it runs us. */
export function defaultReporters(env: NodeJS.ProcessEnv): ReporterSpec[] {
  const names = ['list', 'junit', ...(env['GITHUB_ACTIONS'] === 'true' ? ['github'] : [])] as const;
  return names.map((name) => ({ name }) as ReporterSpec);
}
