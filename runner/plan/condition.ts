/** Whether a condition holds: for axes when a run is planned, for kernels in the guest. Pure. */
import satisfies from 'semver/functions/satisfies.js';
import { defaultArchitecture } from '../images/kernels/architecture.js';
import { labelMatcher } from './labels.js';
import type { Cell, Condition } from './plan.js';

/**
 * Whether a cell's labels are those of the condition. Every cell has an architecture, so that `arch` is known also where it is
 * no axis.
 */
export function axesTest(condition: Condition | undefined): (cell: Cell) => boolean {
  const { axes = {} } = condition ?? {};
  const fits = labelMatcher(axes);
  if (!Object.hasOwn(axes, 'arch')) return (cell) => fits(cell.axes);
  return ({ axes: labels, guest }) => fits({ arch: guest.arch ?? defaultArchitecture(process.env), ...labels });
}

/**
 * Whether a kernel is in the condition's range. `release` is that of uname(2), of which the first three numbers count:
 * `6.8.0-rc3` is 6.8.0, `6.12-custom` is 6.12.0. A release without numbers is in no range.
 */
export function kernelVersionHolds(condition: Condition | undefined, release: string): boolean {
  const range = condition?.kernelVersion;
  if (range === undefined) return true;
  const [, major, minor, patch = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release) ?? [];
  if (major === undefined || minor === undefined) return false;
  return satisfies(`${Number(major)}.${Number(minor)}.${Number(patch)}`, range);
}
