/** A plan as it is printed. Pure. */
import { plain } from './plain.js';
import type { TestPlan } from './test-plan.js';

/** One job per line, in the order of the configuration. */
export const planLines = ({ run }: TestPlan): string => run.plan.jobs.map(({ id }) => `${plain(id)}\n`).join('');

/** Cells and suites once, and the jobs in the order to begin them; those of a group share a guest. */
export function planJson({ config, settings, run }: TestPlan): string {
  const used = new Set(run.plan.jobs.map(({ cell }) => cell));
  const plan = {
    config: config.file,
    settings,
    cells: config.cells.filter((cell) => used.has(cell)),
    groups: run.groups.map((group) => group.map(({ id, cell, suite }) => ({ id, cell: cell.name, suite }))),
  };
  return `${JSON.stringify(plan, null, 2)}\n`;
}
