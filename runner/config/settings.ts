/** What a configuration says of a run as a whole. Pure. */

import { configProblem } from '../plan/config-problem.js';
import { type ReporterSpec, takesOutput } from '../reporters/spec.js';
import { readWorkers, type Workers } from '../units.js';
import { resolvePath } from './paths.js';
import type { VmtestConfig } from './vmtest-config.js';

/** A command line may say otherwise. */
export interface RunSettings {
  workers: Workers;
  /** What `defaultReporters` says, when absent. */
  reporters?: readonly ReporterSpec[];
  /** Absolute path of the directory of the results. */
  output: string;
  /** Begin no more jobs after so many have failed. No limit when absent. */
  maxFailures?: number;
  failOnFlaky: boolean;
}

export const DEFAULT_OUTPUT = 'vmtest-results';

export function settingsOf(config: VmtestConfig, directory: string): RunSettings {
  const { workers = 'auto', reporters, output = DEFAULT_OUTPUT, maxFailures = 0, failOnFlaky = false } = config;
  const read = readWorkers(String(workers));
  return {
    workers: typeof read === 'string' ? 'auto' : read,
    ...(reporters === undefined ? {} : { reporters: reporters.map((given, index) => specOf(given, index, directory)) }),
    output: resolvePath(directory, output),
    ...(maxFailures === 0 ? {} : { maxFailures }),
    failOnFlaky,
  };
}

function specOf(given: NonNullable<VmtestConfig['reporters']>[number], index: number, directory: string): ReporterSpec {
  if (typeof given === 'string') return { name: given };
  const [name, { outputFile, ...junit }] = given;
  const path = ['reporters', index, 1];
  const [option] = Object.keys(junit);
  if (name !== 'junit' && option !== undefined) throw configProblem([...path, option], `is an option of junit only`);
  if (outputFile !== undefined && !takesOutput(name)) {
    throw configProblem([...path, 'outputFile'], `${name} writes to standard output and takes no file`);
  }
  return {
    name,
    ...(outputFile === undefined ? {} : { output: outputFile === '-' ? '-' : resolvePath(directory, outputFile) }),
    ...(name === 'junit' && option !== undefined ? { junit } : {}),
  };
}
