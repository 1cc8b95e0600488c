/** How long jobs took, as a file that is kept beside the configuration, and what follows for jobs to come. Pure. */
import { VmtestError } from '../errors.js';
import type { Job } from './plan.js';

/** Milliseconds by `timingKey`. */
export type Timings = ReadonlyMap<string, number>;

export const TIMINGS_FILE = 'vmtest-timings.json';
/** A reader refuses files of another one. */
export const TIMINGS_VERSION = 1;

/** The same for every repetition. */
export const timingKey = ({ cell, suite }: Job): string => `${cell.name} > ${suite.name}`;

const bad = (what: string): VmtestError =>
  new VmtestError('VMTEST_CONFIG', `${TIMINGS_FILE}: ${what}; remove it, or write it anew with --update-timings`);

/** Throws `VMTEST_CONFIG` for what is no file of timings of this version. */
export function parseTimings(text: string): Timings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad(`is no JSON (${(error as Error).message})`);
  }
  if (typeof value !== 'object' || value === null) throw bad('is no object');
  const { version, jobs } = value as { version?: unknown; jobs?: unknown };
  if (version !== TIMINGS_VERSION) {
    throw bad(`has version ${JSON.stringify(version) ?? 'none'}, and this vmtest reads version ${TIMINGS_VERSION}`);
  }
  if (typeof jobs !== 'object' || jobs === null || Array.isArray(jobs)) throw bad('has no "jobs"');
  return new Map(
    Object.entries(jobs).map(([key, ms]: [string, unknown]) => {
      if (Number.isSafeInteger(ms) && (ms as number) >= 0) return [key, ms as number];
      throw bad(`"${key}" is ${JSON.stringify(ms)}, and not a whole number of milliseconds`);
    }),
  );
}

/** Sorted, one job per line: made for a repository. */
export function formatTimings(timings: Timings): string {
  const lines = [...timings]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, ms]) => `    ${JSON.stringify(key)}: ${ms}`);
  const jobs = lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n  }`;
  return `{\n  "version": ${TIMINGS_VERSION},\n  "jobs": ${jobs}\n}\n`;
}

/**
 * What is known after a run: `measured` (milliseconds by `timingKey`) over what was known before, without jobs that the
 * plan no longer has. Two digits are kept, so that a file in a repository changes only when something changed.
 */
export function updateTimings(before: Timings, measured: Timings, planned: readonly Job[]): Timings {
  const updated = new Map<string, number>();
  for (const key of new Set(planned.map(timingKey))) {
    const ms = measured.get(key) ?? before.get(key);
    if (ms !== undefined) updated.set(key, measured.has(key) ? rounded(ms) : ms);
  }
  return updated;
}

function rounded(ms: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(ms, 1))) - 1);
  return Math.round(ms / unit) * unit;
}

/**
 * What to expect of each of the jobs, milliseconds: what was recorded, else what is usual for the suite, else what is usual
 * for any job. Where nothing is recorded at all, every job counts 1.
 */
export function estimator(jobs: readonly Job[], timings: Timings): (job: Job) => number {
  const bySuite = new Map<string, number[]>();
  const all: number[] = [];
  const seen = new Set<string>();
  for (const job of jobs) {
    const key = timingKey(job);
    const ms = timings.get(key);
    if (ms === undefined || seen.has(key)) continue;
    seen.add(key);
    all.push(ms);
    const known = bySuite.get(job.suite.name);
    if (known === undefined) bySuite.set(job.suite.name, [ms]);
    else known.push(ms);
  }
  const usual = median(all) ?? 1;
  const usualOfSuite = new Map([...bySuite].map(([suite, times]) => [suite, median(times) ?? usual]));
  return (job) => timings.get(timingKey(job)) ?? usualOfSuite.get(job.suite.name) ?? usual;
}

/** The lower of the two in the middle: no fractions. */
function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}
