/** What the events so far say about a run: what reporters show. Kept small: a run has thousands of jobs. Pure. */

import { type Counts, noCounts } from '../suite-result.js';
import { type CaseVerdict, isFailure, type Verdict } from '../verdict.js';
import type {
  CaseEnd,
  FaultFound,
  GuestReady,
  JobBegin,
  JobEnd,
  JobInfo,
  RunBegin,
  RunEnd,
  RunEvent,
  Stage,
} from './event.js';

/** Cases and faults of an attempt that are kept with what they said; others are counted. */
export const MAX_KEPT = 20;
/** UTF-16 units of the diagnostics of each: the last ones. */
const MAX_KEPT_TEXT = 4096;

export interface JobState {
  readonly info: JobInfo;
  phase: 'waiting' | 'running' | 'ended';
  /** The one that runs or ended last. */
  attempt: number;
  /** When it began: milliseconds since 1970. */
  begun?: number;
  stage?: Stage;
  stageBegun?: number;
  guest?: GuestReady;
  /** Cases of the attempt. */
  counts: Counts;
  /** The first cases that failed; `release` lets go of them. */
  failures: CaseEnd[];
  failureCount: number;
  /** The first faults that are not allowed. */
  faults: FaultFound[];
  faultCount: number;
  /** Of the last attempt that ended. */
  end?: JobEnd;
  /** How attempts before that one ended. */
  earlier: { verdict: Verdict; message?: string }[];
}

export interface RunModel {
  readonly run: RunBegin | undefined;
  readonly end: RunEnd | undefined;
  readonly jobs: ReadonlyMap<string, JobState>;
  /** In the order in which they began. */
  readonly running: ReadonlySet<JobState>;
  /** Cases by verdict, of the last attempts. */
  readonly cases: Counts;
  /** Of the last event. */
  readonly time: number;
  /** Takes the next event; ignores those of jobs that it does not know. Gives the job that it belongs to. */
  apply(event: RunEvent): JobState | undefined;
  /** Lets go of what a job that has ended said in detail; its verdict, message and counts stay. */
  release(job: JobState): void;
}

export function createRunModel(): RunModel {
  const jobs = new Map<string, JobState>();
  const running = new Set<JobState>();
  const cases = noCounts();
  let run: RunBegin | undefined;
  let end: RunEnd | undefined;
  let time = 0;

  const addCases = (counts: Counts, sign: 1 | -1): void => {
    for (const verdict of Object.keys(cases) as CaseVerdict[]) cases[verdict] += sign * counts[verdict];
  };

  function begin(job: JobState, event: JobBegin): void {
    addCases(job.counts, -1);
    Object.assign(job, { phase: 'running', attempt: event.attempt, begun: event.time });
    Object.assign(job, { counts: noCounts(), failures: [], failureCount: 0, faults: [], faultCount: 0 });
    delete job.stage;
    delete job.stageBegun;
    delete job.guest;
    running.add(job);
  }

  function finish(job: JobState, event: JobEnd): void {
    // Its counts have also the cases that were too many to be told one by one.
    addCases(job.counts, -1);
    addCases(event.counts, 1);
    job.counts = event.counts;
    job.end = event;
    job.phase = event.retried ? 'waiting' : 'ended';
    job.attempt = event.attempt;
    if (event.retried) {
      job.earlier.push({
        verdict: event.verdict,
        ...(event.message === undefined ? {} : { message: event.message }),
      });
    }
    running.delete(job);
  }

  function take(job: JobState, event: Exclude<RunEvent, RunBegin | RunEnd>): void {
    if (event.type === 'job-begin') begin(job, event);
    else if (event.type === 'stage') {
      job.stage = event.stage;
      job.stageBegun = event.time;
    } else if (event.type === 'guest') job.guest = event;
    else if (event.type === 'case') {
      job.counts[event.verdict] += 1;
      cases[event.verdict] += 1;
      if (!isFailure(event.verdict)) return;
      job.failureCount += 1;
      if (job.failures.length < MAX_KEPT) job.failures.push(shortened(event));
    } else if (event.type === 'fault') {
      if (event.allowed !== undefined) return;
      job.faultCount += 1;
      if (job.faults.length < MAX_KEPT) job.faults.push(event);
    } else finish(job, event);
  }

  return {
    get run() {
      return run;
    },
    get end() {
      return end;
    },
    get time() {
      return time;
    },
    jobs,
    running,
    cases,
    apply(event) {
      time = event.time;
      if (event.type === 'run-begin') {
        run = event;
        for (const info of event.jobs) jobs.set(info.id, newJob(info));
        return undefined;
      }
      if (event.type === 'run-end') {
        end = event;
        return undefined;
      }
      const job = jobs.get(event.job);
      if (job !== undefined) take(job, event);
      return job;
    },
    release(job) {
      job.failures = [];
      job.faults = [];
      if (job.end !== undefined) {
        const { console: _, warnings: __, ...rest } = job.end;
        job.end = rest;
      }
    },
  };
}

const newJob = (info: JobInfo): JobState => ({
  info,
  phase: 'waiting',
  attempt: 0,
  counts: noCounts(),
  failures: [],
  failureCount: 0,
  faults: [],
  faultCount: 0,
  earlier: [],
});

function shortened(event: CaseEnd): CaseEnd {
  const { diagnostics } = event;
  if (diagnostics === undefined || diagnostics.length <= MAX_KEPT_TEXT) return event;
  // A string of its own: a slice would keep all of it.
  return { ...event, diagnostics: Buffer.from(diagnostics.slice(-MAX_KEPT_TEXT)).toString() };
}
