/** Which jobs of a plan are wanted. Pure. */
import { VmtestError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import { wildcard } from './labels.js';
import type { Cell, Job } from './plan.js';

/** All of what is given must hold. */
export interface Selection {
  /** Of which one must be a part of the job's id, or a regular expression that is found in it; without regard to case. */
  filters?: readonly string[] | undefined;
  /** A regular expression that must be found in the job's id, without regard to case; `/.../` with flags of its own. */
  grep?: string | undefined;
  /** One that must not. */
  grepInvert?: string | undefined;
  /** Names of cells, `*` for anything, of which one must fit. */
  projects?: readonly string[] | undefined;
  /** Ids of the jobs that failed in the last run, or did not come to their turn. Those that are gone do not matter. */
  lastFailed?: ReadonlySet<string> | undefined;
}

const usage = (message: string): VmtestError => new VmtestError('VMTEST_USAGE', message);

/** In the order of the plan. Throws `VMTEST_USAGE` for a bad regular expression and for a project that no cell fits. */
export function selectJobs(jobs: readonly Job[], cells: readonly Cell[], selection: Selection): Job[] {
  const { filters = [], grep, grepInvert, projects = [], lastFailed } = selection;
  const tests: ((job: Job) => boolean)[] = [];
  if (projects.length > 0) {
    const wanted = cellsOf(projects, cells);
    tests.push(({ cell }) => wanted.has(cell.name));
  }
  if (filters.length > 0) {
    const fits = filters.map(filterTest);
    tests.push(({ id }) => fits.some((test) => test(id)));
  }
  if (grep !== undefined) {
    const pattern = regExp('--grep', grep);
    tests.push(({ id }) => pattern.test(id));
  }
  if (grepInvert !== undefined) {
    const pattern = regExp('--grep-invert', grepInvert);
    tests.push(({ id }) => !pattern.test(id));
  }
  if (lastFailed !== undefined) tests.push(({ id }) => lastFailed.has(id));
  return jobs.filter((job) => tests.every((test) => test(job)));
}

function cellsOf(projects: readonly string[], cells: readonly Cell[]): Set<string> {
  const wanted = new Set<string>();
  for (const project of projects) {
    const fits = wildcard(project);
    const found = cells.filter(({ name }) => fits(name));
    if (found.length === 0) {
      const near = didYouMean(
        project,
        cells.map(({ name }) => name),
      );
      throw usage(`--project: no cell is called "${project}"; ${near}`);
    }
    for (const { name } of found) wanted.add(name);
  }
  return wanted;
}

function filterTest(filter: string): (id: string) => boolean {
  const part = filter.toLowerCase();
  let pattern: RegExp | undefined;
  try {
    pattern = compile(filter);
  } catch {
    // Names have brackets and stars in them: what is no regular expression is a part of a name.
  }
  return (id) => id.toLowerCase().includes(part) || pattern?.test(id) === true;
}

function regExp(flag: string, text: string): RegExp {
  try {
    return compile(text);
  } catch (cause) {
    throw new VmtestError('VMTEST_USAGE', `${flag}: "${text}" is no regular expression: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Without `g` and `y`, with which a test of one id would depend on the one before it. */
function compile(text: string): RegExp {
  const [, source, flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? [];
  return source === undefined ? new RegExp(text, 'i') : new RegExp(source, flags.replace(/[gy]/g, ''));
}

/** Throws `VMTEST_USAGE` when nothing is left, and says what to do about it. */
export function requireJobs(selected: readonly Job[], planned: readonly Job[], selection: Selection): void {
  if (selected.length > 0) return;
  if (selection.lastFailed?.size === 0) throw usage('--last-failed: nothing failed in the last run');
  const given = [
    ...(selection.filters ?? []).map((filter) => `"${filter}"`),
    ...(selection.grep === undefined ? [] : [`--grep "${selection.grep}"`]),
    ...(selection.grepInvert === undefined ? [] : [`--grep-invert "${selection.grepInvert}"`]),
    ...(selection.projects ?? []).map((project) => `--project "${project}"`),
    ...(selection.lastFailed === undefined ? [] : ['--last-failed']),
  ];
  throw usage(`none of ${planned.length} jobs fits ${given.join(' ')}; see them all with \`vmtest test --list\``);
}
