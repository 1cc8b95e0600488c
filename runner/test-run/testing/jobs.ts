/** Jobs for tests, with what they do not say. */
import type { Cell, Job, Suite } from '../../plan/plan.js';
import { makeCell, makeSuite } from '../../plan/testing/make.js';
import { EVENTS_VERSION, type RunBegin } from '../../results/events/event.js';

export const cell = (name = 'micro', axes: Cell['axes'] = { image: name }): Cell => makeCell(name, axes);

/** Its command is its name, for fakes to tell them apart. */
export const suite = (name: string, overrides: Partial<Suite> = {}): Suite =>
  makeSuite(name, { run: name, ...overrides });

export const job = (of: Suite | string, where: Cell = cell(), repetition = 1): Job => {
  const what = typeof of === 'string' ? suite(of) : of;
  const repeated = repetition > 1 ? ` #${repetition}` : '';
  return { id: `${where.name} > ${what.name}${repeated}`, cell: where, suite: what, repetition };
};

export const beginOf = (jobs: readonly Job[]): RunBegin => ({
  type: 'run-begin',
  version: EVENTS_VERSION,
  time: Date.now(),
  id: 'test',
  vmtest: '0',
  argv: [],
  jobs: jobs.map(({ id, cell: where, suite: what }) => ({ id, cell: where.name, suite: what.name, axes: where.axes })),
});
