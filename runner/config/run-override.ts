/** What may stand at the top of a configuration, in overrides and in suites. Pure. */
import type { ConfigPath } from '../plan/config-problem.js';
import type { SuiteOverride } from '../plan/jobs.js';
import type { Expectation, Timeouts } from '../plan/plan.js';
import { conditionOf } from './condition.js';
import type { KnownLabels } from './label-patterns.js';
import { durationMs } from './schema/values.js';
import type { VmtestConfig } from './vmtest-config.js';

export type RunConfig = Pick<
  VmtestConfig,
  'timeouts' | 'retries' | 'isolate' | 'faults' | 'allowedFaults' | 'expect' | 'env'
>;

/** Only what was said. Throws `VMTEST_CONFIG` for labels that no cell has. */
export function runOverride(config: RunConfig, known: KnownLabels, path: ConfigPath): SuiteOverride {
  const { timeouts, retries, isolate, faults, allowedFaults, expect, env } = config;
  return {
    ...(timeouts === undefined ? {} : { timeouts: timeoutsOf(timeouts) }),
    ...(retries === undefined ? {} : { retries }),
    ...(isolate === undefined ? {} : { isolate }),
    ...(faults === undefined ? {} : { faults }),
    ...(allowedFaults === undefined ? {} : { allowedFaults }),
    ...(expect === undefined
      ? {}
      : { expect: expect.map((each, index) => expectationOf(each, known, [...path, 'expect', index])) }),
    ...(env === undefined
      ? {}
      : { env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])) }),
  };
}

function timeoutsOf(given: NonNullable<RunConfig['timeouts']>): Partial<Timeouts> {
  const timeouts: Partial<Timeouts> = {};
  for (const name of ['boot', 'command', 'idle', 'total'] as const) {
    const value = given[name];
    const ms = value === undefined ? undefined : durationMs(value);
    if (ms !== undefined) timeouts[name] = ms;
  }
  return timeouts;
}

function expectationOf(
  given: NonNullable<RunConfig['expect']>[number],
  known: KnownLabels,
  path: ConfigPath,
): Expectation {
  const { case: name, outcome, reason, expires, only } = given;
  return {
    ...(name === undefined ? {} : { case: name }),
    outcome,
    reason,
    ...(expires === undefined ? {} : { expires }),
    ...(only === undefined ? {} : { only: conditionOf(only, known, [...path, 'only']) }),
  };
}
