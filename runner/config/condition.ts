/** `only`, wherever it stands. Pure. */
import { ARCHITECTURES } from '../images/kernels/architecture.js';
import type { ConfigPath } from '../plan/config-problem.js';
import type { Condition } from '../plan/plan.js';
import { type KnownLabels, labelPattern } from './label-patterns.js';
import type { VmtestConfig } from './vmtest-config.js';

/** Throws `VMTEST_CONFIG` for labels that no cell has. */
export function conditionOf(
  { kernelVersion, engine, axes }: NonNullable<VmtestConfig['suites'][number]['only']>,
  known: KnownLabels,
  path: ConfigPath,
): Condition {
  return {
    ...(kernelVersion === undefined ? {} : { kernelVersion }),
    ...(engine === undefined ? {} : { engine }),
    ...(axes === undefined ? {} : { axes: labelPattern(axes, withArchitectures(known), [...path, 'axes']) }),
  };
}

/** Every cell has an architecture, also where it is no axis; it may be none that is named here. */
const withArchitectures = (known: KnownLabels): KnownLabels => new Map([...known, ['arch', ARCHITECTURES]]);
