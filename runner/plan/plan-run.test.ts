import { expect, it } from 'vitest';
import { expandMatrix } from './matrix.js';
import { planRun, type RunRequest } from './plan-run.js';
import { makeAxes, makeCell, makeMatrix, makeSuite } from './testing/make.js';

const request: RunRequest = {
  cells: [makeCell('a'), makeCell('b')],
  suites: [makeSuite('x'), makeSuite('y')],
  timings: new Map([['b > x', 5]]),
};
const ids = (more: Partial<RunRequest>) => planRun({ ...request, ...more }).groups.map(([{ id }]) => id);

it('selects, then shards, then orders', () => {
  expect(ids({ grep: 'x' })).toEqual(['a > x', 'b > x']);
  expect(ids({ grep: 'x', shard: { index: 2, count: 2 } })).toEqual(['b > x']);
  expect(planRun({ ...request, grep: 'x' }).all.jobs.length).toBe(4);
});

it('has empty shards, but nothing to select is an error unless it is allowed', () => {
  expect(ids({ shard: { index: 5, count: 5 } })).toEqual([]);
  expect(() => ids({ grep: 'none' })).toThrow('none of 4 jobs fits --grep "none"');
  expect(ids({ grep: 'none', passWithNoTests: true })).toEqual([]);
});

it('plans thousands of cells', () => {
  const labels = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const axes = makeAxes({ kernel: labels('k', 50), x: labels('x', 10), y: labels('y', 10) });
  const exclude = labels('k', 50).map((label) => ({ kernel: [label], x: ['x0'], y: ['y0'] }));
  const cells = expandMatrix(makeMatrix({ axes, exclude }));
  const run = planRun({ ...request, cells, timings: new Map(), shard: { index: 1, count: 100 } });
  expect([cells.length, run.all.jobs.length, run.plan.jobs.length]).toEqual([4950, 9900, 99]);
});
