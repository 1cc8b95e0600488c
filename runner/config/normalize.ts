/** A checked configuration as the values that a run is planned from. Pure. */
import { guestProblem } from '../plan/check-guest.js';
import { configProblem } from '../plan/config-problem.js';
import type { PlanInput } from '../plan/jobs.js';
import { expandMatrix } from '../plan/matrix.js';
import type { Cell } from '../plan/plan.js';
import { axesOf } from './axes.js';
import { guestOptions } from './guest-options.js';
import { inclusionsOf } from './inclusions.js';
import { knownLabels, labelPattern } from './label-patterns.js';
import { runOverride } from './run-override.js';
import { type RunSettings, settingsOf } from './settings.js';
import { suitesOf } from './suites.js';
import type { VmtestConfig } from './vmtest-config.js';

/** What `planRun` needs, and the rest. */
export interface NormalConfig extends Required<Pick<PlanInput, 'cells' | 'suites' | 'overrides'>> {
  settings: RunSettings;
}

/**
 * Relative paths are resolved against `directory`, which is absolute. Throws `VMTEST_CONFIG`, with the path of what is wrong
 * in its context (`configProblem`), for what no schema can tell: names that are not unique, labels that there are not,
 * guests that cannot be, an empty matrix.
 */
export function normalizeConfig(config: VmtestConfig, directory: string): NormalConfig {
  const axes = axesOf(config, directory);
  const include = inclusionsOf(config, axes, directory);
  const ofAxes = knownLabels(axes);
  const known = knownLabels(axes, include);
  const exclude = (config.exclude ?? []).map((each, index) => labelPattern(each, ofAxes, ['exclude', index]));
  const empty = exclude.findIndex((each) => Object.keys(each).length === 0);
  if (empty >= 0) throw configProblem(['exclude', empty], 'names no axis, and would exclude every cell');
  const overrides = (config.overrides ?? []).map(({ match, guest, ...rest }, index) => ({
    match: labelPattern(match, known, ['overrides', index, 'match']),
    guest: guestOptions(guest ?? {}, directory),
    suite: runOverride(rest, known, ['overrides', index]),
  }));
  const cells = expandMatrix({ base: guestOptions(config.guest ?? {}, directory), axes, exclude, include, overrides });
  for (const cell of cells) checkCell(cell);
  return {
    cells,
    suites: suitesOf(config, known, directory),
    overrides: overrides.map(({ match, suite }) => ({ match, suite })),
    settings: settingsOf(config, directory),
  };
}

function checkCell({ name, guest }: Cell): void {
  const problem = guestProblem(guest);
  if (problem !== undefined) throw configProblem([], `the guest of the cell ${name} cannot be: ${problem}`);
}
