/** What a configuration says of a run as a whole. Pure. */
import { readWorkers, type Workers } from '../units.js';
import { resolvePath } from './paths.js';
import type { ReporterSetting } from './reporter-names.js';
import type { VmtestConfig } from './vmtest-config.js';

/** A command line may say otherwise. */
export interface RunSettings {
  workers: Workers;
  /** At least one. */
  reporters: readonly ReporterSetting[];
  /** Absolute path of the directory of the results. */
  output: string;
  /** Begin no more jobs after so many have failed. No limit when absent. */
  maxFailures?: number;
  failOnFlaky: boolean;
}

export const DEFAULT_OUTPUT = 'vmtest-results';

export function settingsOf(config: VmtestConfig, directory: string): RunSettings {
  const {
    workers = 'auto',
    reporters = ['list'],
    output = DEFAULT_OUTPUT,
    maxFailures = 0,
    failOnFlaky = false,
  } = config;
  const read = readWorkers(String(workers));
  return {
    workers: typeof read === 'string' ? 'auto' : read,
    reporters: reporters.map((given) => {
      if (typeof given === 'string') return { name: given, options: {} };
      const [name, options] = given;
      const { outputFile } = options;
      if (typeof outputFile !== 'string') return { name, options };
      return { name, options: { ...options, outputFile: resolvePath(directory, outputFile) } };
    }),
    output: resolvePath(directory, output),
    ...(maxFailures === 0 ? {} : { maxFailures }),
    failOnFlaky,
  };
}
