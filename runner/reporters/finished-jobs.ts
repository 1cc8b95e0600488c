/** Jobs with all their cases, for reports that are documents: told when they have ended, and kept no longer. Pure. */
import type { CaseEnd, FaultFound, GuestReady, JobEnd, JobInfo, RunBegin, RunEvent } from '../results/events/event.js';
import { type Counts, noCounts } from '../results/suite-result.js';
import { type CaseVerdict, isFailure, type Verdict } from '../results/verdict.js';

/** Cases of a job that are told one by one; more are only in its counts. */
export const MAX_REPORTED_CASES = 200_000;
/** UTF-16 units of the diagnostics of a job's cases. */
const MAX_JOB_TEXT = 16 * 1024 * 1024;
/** Cases that failed in an earlier attempt, and faults, that are told. */
const MAX_KEPT = 1000;

export interface EarlierAttempt {
  verdict: Verdict;
  message?: string;
  /** Those that failed. */
  cases: readonly CaseEnd[];
}

export interface FinishedJob {
  info: JobInfo;
  /** Of the last attempt. `not-run`: it never began. `interrupted` also when the run was killed in it. */
  verdict: CaseVerdict;
  message?: string;
  /** Of the last attempt, milliseconds since 1970; absent when it never began. */
  begun?: number;
  durationMs: number;
  counts: Counts;
  cases: readonly CaseEnd[];
  faults: readonly FaultFound[];
  guest?: GuestReady;
  /** Absent when it did not end. */
  end?: JobEnd;
  /** Those before the last, the first one first. */
  earlier: readonly EarlierAttempt[];
}

export interface JobCollector {
  /** Gives the job that ended with this event and will not be tried again. */
  onEvent(event: RunEvent): FinishedJob | undefined;
  /** The jobs that never ended, in the plan's order. To be asked for once, after the last event. */
  unfinished(): FinishedJob[];
  readonly run: RunBegin | undefined;
}

interface Attempt {
  begun: number;
  cases: CaseEnd[];
  faults: FaultFound[];
  guest?: GuestReady;
  counts: Counts;
  text: number;
}

export function createJobCollector(): JobCollector {
  const waiting = new Map<string, JobInfo>();
  const attempts = new Map<string, Attempt>();
  const earlier = new Map<string, EarlierAttempt[]>();
  let run: RunBegin | undefined;
  let last = 0;
  let why: string | undefined;

  function addCase(attempt: Attempt, event: CaseEnd): void {
    attempt.counts[event.verdict] += 1;
    if (attempt.cases.length >= MAX_REPORTED_CASES) return;
    attempt.text += event.diagnostics?.length ?? 0;
    if (event.diagnostics === undefined || attempt.text <= MAX_JOB_TEXT) attempt.cases.push(event);
    else attempt.cases.push({ ...event, diagnostics: '[left out: the cases of this job said too much]' });
  }

  function finish(info: JobInfo, event: JobEnd): FinishedJob | undefined {
    const attempt = attempts.get(info.id);
    attempts.delete(info.id);
    const before = earlier.get(info.id) ?? [];
    if (event.retried) {
      const cases = (attempt?.cases ?? []).filter(({ verdict }) => isFailure(verdict)).slice(0, MAX_KEPT);
      const { verdict, message } = event;
      before.push({ verdict, cases, ...(message === undefined ? {} : { message }) });
      earlier.set(info.id, before);
      return undefined;
    }
    waiting.delete(info.id);
    earlier.delete(info.id);
    return {
      info,
      verdict: event.verdict,
      ...(event.message === undefined ? {} : { message: event.message }),
      begun: attempt?.begun ?? event.time - event.durationMs,
      durationMs: event.durationMs,
      counts: event.counts,
      cases: attempt?.cases ?? [],
      faults: attempt?.faults ?? [],
      ...(attempt?.guest === undefined ? {} : { guest: attempt.guest }),
      end: event,
      earlier: before,
    };
  }

  function unended(info: JobInfo): FinishedJob {
    const attempt = attempts.get(info.id);
    const before = earlier.get(info.id) ?? [];
    const begun = attempt !== undefined || before.length > 0;
    const message = begun ? 'the run ended before this did' : (why ?? 'the run ended before its turn');
    return {
      info,
      verdict: begun ? 'interrupted' : 'not-run',
      message,
      ...(attempt === undefined ? {} : { begun: attempt.begun }),
      durationMs: attempt === undefined ? 0 : last - attempt.begun,
      counts: attempt?.counts ?? noCounts(),
      cases: attempt?.cases ?? [],
      faults: attempt?.faults ?? [],
      ...(attempt?.guest === undefined ? {} : { guest: attempt.guest }),
      earlier: before,
    };
  }

  return {
    onEvent(event) {
      last = event.time;
      if (event.type === 'run-begin') {
        run = event;
        for (const info of event.jobs) waiting.set(info.id, info);
        return undefined;
      }
      if (event.type === 'run-end') {
        why = event.message;
        return undefined;
      }
      const info = waiting.get(event.job);
      if (info === undefined) return undefined;
      if (event.type === 'job-end') return finish(info, event);
      let attempt = attempts.get(info.id);
      if (event.type === 'job-begin' || attempt === undefined) {
        attempt = { begun: event.time, cases: [], faults: [], counts: noCounts(), text: 0 };
        attempts.set(info.id, attempt);
      }
      if (event.type === 'case') addCase(attempt, event);
      else if (event.type === 'guest') attempt.guest = event;
      else if (event.type === 'fault' && attempt.faults.length < MAX_KEPT) attempt.faults.push(event);
      return undefined;
    },
    unfinished: () => [...waiting.values()].map(unended),
    get run() {
      return run;
    },
  };
}
