/** From the flags of `vmtest test` and a configuration to what is to be run here. */
import { resolve } from 'node:path';
import { type LoadedConfig, loadConfig } from '../config/load-config.js';
import type { RunSettings } from '../config/settings.js';
import { readTimings } from '../config/timings-file.js';
import type { SuiteOverride } from '../plan/jobs.js';
import { type PlannedRun, planRun } from '../plan/plan-run.js';
import type { Timings } from '../plan/timings.js';
import type { TestCommand } from './command.js';

export interface TestPlan {
  config: LoadedConfig;
  /** Those of the configuration, with what the command line says in their place. */
  settings: RunSettings;
  timings: Timings;
  run: PlannedRun;
}

/** The ids of the jobs that failed, or did not come to their turn, in the run whose results are in `output`. */
export type ReadLastFailed = (output: string) => Promise<ReadonlySet<string>>;

/**
 * Throws `VMTEST_CONFIG` for the configuration and the file of timings, `VMTEST_USAGE` for a selection that fits nothing.
 * `cwd` is absolute.
 */
export async function planTests(command: TestCommand, cwd: string, readLastFailed: ReadLastFailed): Promise<TestPlan> {
  const config = await loadConfig({ cwd, config: command.config });
  const timings = await readTimings(config.directory);
  const settings = settingsWith(config.settings, command, cwd);
  const run = planRun({
    cells: config.cells,
    suites: config.suites,
    overrides: config.overrides,
    force: overrideOf(command),
    repeat: command.repeatEach,
    filters: command.filters,
    grep: command.grep,
    grepInvert: command.grepInvert,
    projects: command.projects,
    lastFailed: command.lastFailed ? await readLastFailed(settings.output) : undefined,
    shard: command.shard,
    timings,
    passWithNoTests: command.passWithNoTests,
  });
  return { config, settings, timings, run };
}

function overrideOf({ retries, timeoutMs }: TestCommand): SuiteOverride {
  return {
    ...(retries === undefined ? {} : { retries }),
    ...(timeoutMs === undefined ? {} : { timeouts: { command: timeoutMs } }),
  };
}

/** A reporter that the configuration has, too, keeps its options. */
function settingsWith(settings: RunSettings, command: TestCommand, cwd: string): RunSettings {
  const { workers, reporters, output, maxFailures, failOnFlaky } = command;
  const { maxFailures: configured, ...rest } = settings;
  const failures = maxFailures ?? configured ?? 0;
  return {
    ...rest,
    ...(workers === undefined ? {} : { workers }),
    ...(reporters === undefined
      ? {}
      : {
          reporters: reporters.map(
            (name) => settings.reporters.find((each) => each.name === name) ?? { name, options: {} },
          ),
        }),
    ...(output === undefined ? {} : { output: resolve(cwd, output) }),
    ...(failures === 0 ? {} : { maxFailures: failures }),
    failOnFlaky: failOnFlaky || settings.failOnFlaky,
  };
}
