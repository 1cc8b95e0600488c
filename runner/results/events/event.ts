/**
 * What happened in a run, as it happened: one JSON object per line of `events.jsonl`. Every reporter works from these
 * alone, while the run goes on or years later. docs/events.md is the same for people.
 */
import type { CaseResult } from '../case-result.js';
import type { Fault } from '../faults/fault.js';
import type { Counts } from '../suite-result.js';
import type { Verdict } from '../verdict.js';

/** A reader refuses streams of another one. Fields may be added within a version; unknown ones are ignored. */
export const EVENTS_VERSION = 1;

/** A job as reporters know it. */
export interface JobInfo {
  /** `CELL > SUITE`, unique in the run. */
  id: string;
  cell: string;
  suite: string;
  /** Label by axis. */
  axes: Readonly<Record<string, string>>;
}

/** An engine for guests of one architecture. */
export interface EngineUse {
  arch: string;
  engine: string;
  /** Why it is this one: completes "engine qemu: ...". */
  reason: string;
  /** What time limits of its guests are multiplied by. */
  timeScale: number;
  /** No guest of this kind was measured here yet. */
  assumed?: true;
}

/** Milliseconds since 1970 on the host's clock. */
interface Timed {
  time: number;
}

/** The job and which try of it; the first is 0. */
interface OfAttempt extends Timed {
  job: string;
  attempt: number;
}

export interface RunBegin extends Timed {
  type: 'run-begin';
  version: typeof EVENTS_VERSION;
  /** Of this run; shards of one run have different ones. */
  id: string;
  /** Of vmtest itself. */
  vmtest: string;
  /** Path of the configuration, relative to the working directory. */
  config?: string;
  /** The arguments of the command line, to repeat the run. */
  argv: readonly string[];
  /** `index` counts from 1. */
  shard?: { index: number; count: number };
  /** SHA-256 of the ids of the jobs of all shards, one a line, in the plan's order: shards of one run have the same. */
  plan?: string;
  /** Name of the host. */
  hostname?: string;
  /** Which engines serve the guests of the run; none of guests that no engine can serve. */
  engines?: readonly EngineUse[];
  /** All that will run here, in the plan's order. */
  jobs: readonly JobInfo[];
}

/** A guest is about to be started for the job, or one is taken over (`isolate: 'cell'`). */
export interface JobBegin extends OfAttempt {
  type: 'job-begin';
}

export const STAGES = ['images', 'boot', 'copy-in', 'setup', 'command', 'teardown', 'copy-out'] as const;
export type Stage = (typeof STAGES)[number];

export interface StageBegin extends OfAttempt {
  type: 'stage';
  stage: Stage;
}

/** The guest's agent answered. */
export interface GuestReady extends OfAttempt {
  type: 'guest';
  engine: string;
  /** Why it is this one. */
  engineReason?: string;
  /** How many times slower than its host it runs, where it does: its time limits are so much longer. */
  timeScale?: number;
  arch: string;
  kernelRelease: string;
  /** NAME and the SHA-256 of its manifest. */
  image?: { name: string; digest: string };
  bootMs: number;
  /** It was booted for an earlier suite of its cell. */
  shared?: true;
}

export interface CaseEnd extends OfAttempt, CaseResult {
  type: 'case';
  /** Why the verdict is not what the test said: an expectation of the configuration. */
  expected?: string;
}

export interface FaultFound extends OfAttempt {
  type: 'fault';
  fault: Fault;
  /** Path of the case that ran then, as far as the output told. */
  during?: readonly string[];
  /** Why it fails nothing: a note of the kernel, an entry of the list of allowed faults, or `faults: 'report'`. */
  allowed?: string;
}

/** A file that the run wrote for a job. */
export interface Attachment {
  /** `console`, `console-raw`, `stdout`, `stderr`, `results` (a file of the guest), `copy-out`. */
  name: string;
  /** Relative to the directory of the results, without `..`, parts joined by `/`. */
  path: string;
  /** What was kept of it and what was dropped, where it had become too large. */
  truncated?: true;
}

export interface JobEnd extends OfAttempt {
  type: 'job-end';
  /** `flaky` where an earlier attempt had failed and this one passed. */
  verdict: Verdict;
  /** Why, in one line; absent for `passed`. */
  message?: string;
  durationMs: number;
  counts: Counts;
  exitCode?: number;
  /** The last lines, where the verdict is a failure. */
  console?: readonly string[];
  /** A line for a shell that runs this job and no other. */
  repeat: string;
  attachments: readonly Attachment[];
  /** There will be another attempt. */
  retried?: true;
  /** Something that did not change the verdict: a teardown or a copy-out that failed, an expectation that has expired. */
  warnings?: readonly string[];
}

export const RUN_STATUSES = ['passed', 'failed', 'infra-error', 'interrupted'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export interface RunEnd extends Timed {
  type: 'run-end';
  status: RunStatus;
  durationMs: number;
  /** Jobs by their last verdict. Those that never began are `not-run`. */
  jobs: Counts;
  /** Cases by verdict, of the last attempts. */
  cases: Counts;
  /** Why jobs were not run: `--max-failures`, an interruption. */
  message?: string;
}

/** The file of the results that has the events. */
export const EVENTS_FILE = 'events.jsonl';

export type RunEvent = RunBegin | JobBegin | StageBegin | GuestReady | CaseEnd | FaultFound | JobEnd | RunEnd;
