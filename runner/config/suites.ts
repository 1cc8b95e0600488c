/** The suites of a configuration, with the defaults of its top. Pure. */
import { isAbsolute, posix } from 'node:path';
import { DEFAULT_BOOT_TIMEOUT_MS, DEFAULT_COMMAND_TIMEOUT_MS } from '../machine/defaults.js';
import { type ConfigPath, configProblem } from '../plan/config-problem.js';
import type { Copy, Suite } from '../plan/plan.js';
import { FILE_FORMATS, type FormatName } from '../results/format-names.js';
import { conditionOf } from './condition.js';
import type { KnownLabels } from './label-patterns.js';
import { literalPath, resolvePath, resolvePattern } from './paths.js';
import { runOverride } from './run-override.js';
import type { VmtestConfig } from './vmtest-config.js';

type SuiteConfig = VmtestConfig['suites'][number];

/** Throws `VMTEST_CONFIG` for what does not go together. */
export function suitesOf(config: VmtestConfig, known: KnownLabels, directory: string): Suite[] {
  const names = new Map<string, number>();
  const top = runOverride(config, known, []);
  return config.suites.map((given, index) => {
    const path = ['suites', index];
    const twin = names.get(given.name);
    if (twin !== undefined)
      throw configProblem([...path, 'name'], `"${given.name}" is the name of suites[${twin}], too`);
    names.set(given.name, index);
    const own = runOverride(given, known, path);
    const { format, file } = parserOf(given, path);
    const { cwd, user, setup = [], teardown = [], only } = given;
    return {
      name: given.name,
      run: given.run,
      parse: format,
      ...(file === undefined ? {} : { resultFile: file }),
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...top.env, ...own.env },
      ...(user === undefined ? {} : { user: String(user) }),
      setup,
      teardown,
      copyIn: copiesIn(given, directory),
      copyOut: copiesOut(given),
      timeouts: {
        boot: DEFAULT_BOOT_TIMEOUT_MS,
        command: DEFAULT_COMMAND_TIMEOUT_MS,
        ...top.timeouts,
        ...own.timeouts,
      },
      retries: own.retries ?? top.retries ?? 0,
      expect: [...(top.expect ?? []), ...(own.expect ?? [])],
      ...(only === undefined ? {} : { only: conditionOf(only, known, [...path, 'only']) }),
      isolate: own.isolate ?? top.isolate ?? 'guest',
      faults: own.faults ?? top.faults ?? 'fail',
      allowedFaults: [...(top.allowedFaults ?? []), ...(own.allowedFaults ?? [])],
    };
  });
}

function parserOf({ parse = 'exit-code', cwd }: SuiteConfig, path: ConfigPath): { format: FormatName; file?: string } {
  const { format, file } = typeof parse === 'string' ? { format: parse, file: undefined } : parse;
  if (file === undefined) {
    if (!FILE_FORMATS.includes(format)) return { format };
    const advice = `write {format: ${format}, file: /path/in/the/guest}`;
    throw configProblem([...path, 'parse'], `"${format}" is read from a file that the tests write; ${advice}`);
  }
  if (isAbsolute(file)) return { format, file };
  if (cwd !== undefined) return { format, file: posix.join(cwd, file) };
  throw configProblem([...path, 'parse', 'file'], `"${file}" is not absolute, and the suite has no cwd`);
}

/** A shared directory is copied: its contents become those of the guest's. */
function copiesIn({ copyIn = [], shares = [] }: SuiteConfig, directory: string): Copy[] {
  return [
    ...shares.map(({ host, guest }) => ({
      source: `${literalPath(resolvePath(directory, host))}/.`,
      destination: guest,
    })),
    ...copyIn.map(({ source, destination }) => ({ source: resolvePattern(directory, source), destination })),
  ];
}

const copiesOut = ({ copyOut = [] }: SuiteConfig): Copy[] =>
  copyOut.map((copy) => {
    const { source, destination = './' } = typeof copy === 'string' ? { source: copy } : copy;
    return { source, destination };
  });
