/** Cells, suites and jobs for tests. */
import type { Axis, Matrix } from '../matrix.js';
import type { Cell, Suite } from '../plan.js';

export function makeSuite(name: string, more: Partial<Suite> = {}): Suite {
  return {
    name,
    run: ['true'],
    parse: 'exit-code',
    env: {},
    setup: [],
    teardown: [],
    copyIn: [],
    copyOut: [],
    timeouts: { boot: 120_000, command: 600_000 },
    retries: 0,
    expect: [],
    isolate: 'guest',
    faults: 'fail',
    allowedFaults: [],
    ...more,
  };
}

export const makeCell = (name: string, axes: Cell['axes'] = {}): Cell => ({ name, axes, guest: {} });

/** Labels by axis; each label sets nothing. */
export const makeAxes = (labels: Record<string, string[]>): Axis[] =>
  Object.entries(labels).map(([name, all]) => ({ name, values: all.map((label) => ({ label, guest: {} })) }));

export const makeMatrix = (more: Partial<Matrix>): Matrix => ({
  base: {},
  axes: [],
  exclude: [],
  include: [],
  overrides: [],
  ...more,
});
