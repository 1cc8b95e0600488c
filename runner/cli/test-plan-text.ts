/** A plan as it is printed. Pure. */
import { plain } from '../results/plain.js';
import type { PlannedTests } from '../test-run/run-tests.js';

/** One job per line, in the order of the configuration. */
export const planLines = ({ planned }: PlannedTests): string =>
  planned.plan.jobs.map(({ id }) => `${plain(id)}\n`).join('');

/** Cells and suites once, and the jobs in the order to begin them; those of a group share a guest. */
export function planJson({ config, planned, settings }: PlannedTests): string {
  const used = new Set(planned.plan.jobs.map(({ cell }) => cell));
  const plan = {
    config: config.file,
    settings,
    cells: config.cells.filter((cell) => used.has(cell)),
    groups: planned.groups.map((group) => group.map(({ id, cell, suite }) => ({ id, cell: cell.name, suite }))),
  };
  return `${JSON.stringify(plan, null, 2)}\n`;
}
