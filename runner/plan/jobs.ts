/** Suites in cells: the jobs of a plan. Pure. */
import { axesTest } from './condition.js';
import { configProblem } from './config-problem.js';
import { type LabelPattern, labelMatcher } from './labels.js';
import type { Cell, Job, Plan, Suite, Timeouts } from './plan.js';

/** What a part of the cells, or a command line, says in the place of the suites. */
export interface SuiteOverride {
  timeouts?: Partial<Timeouts>;
  /** Laid over those of the suite. */
  env?: Readonly<Record<string, string>>;
  retries?: number;
  isolate?: Suite['isolate'];
  faults?: Suite['faults'];
  /** Put behind those of the suite. */
  allowedFaults?: Suite['allowedFaults'];
  /** Put behind those of the suite. */
  expect?: Suite['expect'];
}

export interface PlanInput {
  cells: readonly Cell[];
  suites: readonly Suite[];
  /** Each on top of those before it. */
  overrides?: readonly { match: LabelPattern; suite: SuiteOverride }[];
  /** On top of everything: the command line's. */
  force?: SuiteOverride;
  /** How often each suite runs in each cell. Default: 1. */
  repeat?: number;
}

export const MAX_JOBS = 1_000_000;

/**
 * Every suite in every cell that its `only.axes` allows; `only.kernelVersion` is known in the guest only. Throws
 * `VMTEST_CONFIG` when no suite fits any cell, or for more than `MAX_JOBS`.
 */
export function planJobs({ cells, suites, overrides = [], force, repeat = 1 }: PlanInput): Plan {
  const total = cells.length * suites.length * repeat;
  if (total > MAX_JOBS) throw configProblem([], `${total} jobs are more than ${MAX_JOBS}`);
  const rules = overrides.map(({ match, suite }) => ({ fits: labelMatcher(match), suite }));
  const templates = suites.map((suite) => ({ suite, allowed: axesTest(suite.only) }));
  const variants = new Map<string, Suite[]>();
  const jobs: Job[] = [];
  for (const cell of cells) {
    const fitting = rules.flatMap(({ fits }, index) => (fits(cell.axes) ? [index] : []));
    // Cells that are treated alike share their suites: there may be thousands of them.
    const key = fitting.join(' ');
    let variant = variants.get(key);
    if (variant === undefined) {
      const layers = [
        ...fitting.flatMap((index) => rules[index]?.suite ?? []),
        ...(force === undefined ? [] : [force]),
      ];
      variant = suites.map((suite) => layers.reduce(overridden, suite));
      variants.set(key, variant);
    }
    templates.forEach(({ allowed }, index) => {
      const suite = variant[index];
      if (suite === undefined || !allowed(cell)) return;
      for (let repetition = 1; repetition <= repeat; repetition += 1) {
        jobs.push({ id: jobId(cell, suite, repetition), cell, suite, repetition });
      }
    });
  }
  if (jobs.length === 0) throw configProblem(['suites'], '"only" keeps every suite out of every cell');
  return { jobs };
}

/** `CELL > SUITE`, or `CELL > SUITE #2`. */
export const jobId = (cell: Cell, suite: Suite, repetition: number): string =>
  `${cell.name} > ${suite.name}${repetition === 1 ? '' : ` #${repetition}`}`;

function overridden(suite: Suite, { timeouts, env, allowedFaults, expect, ...rest }: SuiteOverride): Suite {
  return {
    ...suite,
    ...rest,
    timeouts: { ...suite.timeouts, ...timeouts },
    env: { ...suite.env, ...env },
    allowedFaults: [...suite.allowedFaults, ...(allowedFaults ?? [])],
    expect: [...suite.expect, ...(expect ?? [])],
  };
}
