/** Compares the configuration of a kernel with what a guest needs; pure. */
import { VmtestError } from '../../errors.js';
import type { Architecture } from './architecture.js';
import type { KernelConfig } from './config.js';
import { type Feature, REQUIREMENTS, type Requirement } from './requirements.js';

export interface Needs {
  arch: Architecture;
  features: readonly Feature[];
  /** Names of the modules that the guest can load, with underscores; undefined where it has none. */
  modules: ReadonlySet<string> | undefined;
}

export type Lack =
  /** The symbol is not set, or is a module where none will do. */
  | { kind: 'unset'; requirement: Requirement }
  /** It is a module, and the module is not there. */
  | { kind: 'module-missing'; requirement: Requirement; module: string };

/** Everything that is missing, at once. */
export function checkConfig(config: KernelConfig, needs: Needs): Lack[] {
  const asked = REQUIREMENTS.filter((requirement) => requirement.level === 'needed' && isAsked(requirement, needs));
  return asked.flatMap((requirement) => lackOf(config, needs, requirement) ?? []);
}

function isAsked({ arch, features }: Requirement, needs: Needs): boolean {
  if (arch !== undefined && arch !== needs.arch) return false;
  return features === undefined || features.some((feature) => needs.features.includes(feature));
}

function lackOf(config: KernelConfig, { modules }: Needs, requirement: Requirement): Lack | undefined {
  const value = config.get(requirement.symbol);
  if (value === 'y') return undefined;
  const { module } = requirement;
  if (value !== 'm' || module === undefined) return { kind: 'unset', requirement };
  return modules?.has(module) ? undefined : { kind: 'module-missing', requirement, module };
}

/** The lines to add, for the error and for `kernel-config`. */
export const settingOf = ({ symbol }: Requirement): string => `CONFIG_${symbol}=y`;

/** `kernel`: what the user knows it by. `modules`: where its modules were found; undefined when nowhere. */
export function configError(kernel: string, lacks: readonly Lack[], modules: string | undefined): VmtestError {
  const unset = lacks.filter((lack) => lack.kind === 'unset').map(({ requirement }) => requirement);
  const missing = lacks.filter((lack) => lack.kind === 'module-missing');
  const reasons: string[] = [];
  if (unset.length > 0) {
    const list = unset.map(({ symbol, why }) => `CONFIG_${symbol}: ${why}`).join('; no ');
    reasons.push(`this kernel has no ${list}`);
  }
  if (missing.length > 0) {
    const symbols = missing.map(({ requirement }) => `CONFIG_${requirement.symbol}`).join(', ');
    const names = missing.map(({ module }) => module).join(', ');
    const where = modules === undefined ? 'no modules were found' : `${modules} lacks ${names}`;
    reasons.push(`this kernel has ${symbols} as a module, but ${where}; name its lib/modules/RELEASE with --modules`);
  }
  const or = missing.length > 0 ? ', or' : ';';
  const lines = lacks.map(({ requirement }) => settingOf(requirement));
  const message = `kernel ${kernel}: ${reasons.join('; ')}${or} add these lines to its configuration:`;
  return new VmtestError('VMTEST_BAD_INPUT', message, { context: { path: kernel, lines } });
}
