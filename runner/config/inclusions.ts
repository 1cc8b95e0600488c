/** `include` of a configuration. Pure. */
import { ARCHITECTURES } from '../images/kernels/architecture.js';
import { isFlavour } from '../images/packages.js';
import { didYouMean, editDistance } from '../nearest.js';
import { type ConfigPath, configProblem } from '../plan/config-problem.js';
import type { GuestOptions } from '../plan/guest-options.js';
import type { Inclusion } from '../plan/inclusions.js';
import { type Axis, type AxisValue, BUILT_IN_AXES } from '../plan/matrix.js';
import { archValue, canonicalLabel, cpusValue, imageValue, kernelValue, memoryValue } from './axis-values.js';
import { guestOptions } from './guest-options.js';
import { IMAGE_NAME } from './schema/guest.js';
import { LABEL, LABEL_RULE, memoryMib } from './schema/values.js';
import type { VmtestConfig } from './vmtest-config.js';

/**
 * Labels of an axis stand for its values. Others are read as values where the axis has a meaning of its own (`memory: 4G`),
 * else `guest` must say what they are. Throws `VMTEST_CONFIG` for the rest: they are mistyped.
 */
export function inclusionsOf(config: VmtestConfig, axes: readonly Axis[], directory: string): Inclusion[] {
  return (config.include ?? []).map(({ axes: labels, guest: given }, index) => {
    const guest = guestOptions(given ?? {}, directory);
    const values = Object.entries(labels).map(([axis, label]): [string, AxisValue] => {
      const path = ['include', index, 'axes', axis];
      return [axis, inclusionValue({ axis, label, path, guest, given: given !== undefined }, axes, directory)];
    });
    return { values: new Map(values), guest };
  });
}

interface Wanted {
  axis: string;
  label: string | number;
  path: ConfigPath;
  guest: GuestOptions;
  /** `guest` was written. */
  given: boolean;
}

function inclusionValue(wanted: Wanted, axes: readonly Axis[], directory: string): AxisValue {
  const { axis, path, given } = wanted;
  const label = canonicalLabel(axis, wanted.label);
  const known = axes.find(({ name }) => name === axis)?.values ?? [];
  const value = known.find((each) => each.label === label) ?? builtInValue(wanted, directory);
  if (value !== undefined) return checked(value, path);
  const names = [...new Set([...BUILT_IN_AXES, ...axes.map(({ name }) => name)])];
  if (!names.includes(axis)) {
    const near = names.find((name) => editDistance(name, axis) <= Math.min(2, axis.length / 3));
    if (near !== undefined) throw configProblem(path, `there is no axis "${axis}"; did you mean ${near}?`);
  }
  if (!given) {
    if (known.length === 0) throw configProblem(path, `"${label}" needs a guest that says what it is`);
    const advice = didYouMean(
      label,
      known.map((each) => each.label),
    );
    throw configProblem(path, `"${label}" is no label of this axis, and no guest says what it is; ${advice}`);
  }
  return checked({ label, guest: {} }, path);
}

function checked(value: AxisValue, path: ConfigPath): AxisValue {
  if (LABEL.test(value.label)) return value;
  throw configProblem(path, `${JSON.stringify(value.label)} is no label of ${LABEL_RULE}`);
}

/** What a label that no axis has says by itself. Undefined when it says nothing. */
function builtInValue({ axis, label, guest }: Wanted, directory: string): AxisValue | undefined {
  const text = String(label);
  switch (axis) {
    case 'kernel':
      if (guest.kernel !== undefined) return undefined;
      return isFlavour(text) || text.includes('/') ? kernelValue(text, directory) : undefined;
    case 'image':
      return guest.image === undefined && guest.root === undefined && IMAGE_NAME.test(text)
        ? imageValue(text)
        : undefined;
    case 'arch': {
      const arch = ARCHITECTURES.find((known) => known === text);
      return arch === undefined ? undefined : archValue(arch);
    }
    case 'cpus':
      return /^([1-9]|[12]\d|3[0-2])$/.test(text) ? cpusValue(Number(text)) : undefined;
    case 'memory':
      return memoryMib(label) === undefined ? undefined : memoryValue(label);
    default:
      return undefined;
  }
}
