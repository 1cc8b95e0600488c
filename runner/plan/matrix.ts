/** A matrix as values, and the cells that it stands for. Pure. */
import { DEFAULT_IMAGE } from '../machine/defaults.js';
import { configProblem } from './config-problem.js';
import type { GuestOptions } from './guest-options.js';
import { applyInclusions, type Inclusion } from './inclusions.js';
import { type LabelPattern, type Labels, labelMatcher, labelsText } from './labels.js';
import { mergeGuests } from './merge-guests.js';
import type { Cell } from './plan.js';

export interface AxisValue {
  label: string;
  guest: GuestOptions;
}

export interface Axis {
  name: string;
  /** At least one; their labels differ. */
  values: readonly AxisValue[];
}

/** Axes that say something of a guest by themselves; they come before the user's own. */
export const BUILT_IN_AXES = ['kernel', 'image', 'arch', 'cpus', 'memory'] as const;
export type BuiltInAxis = (typeof BUILT_IN_AXES)[number];

export interface Matrix {
  /** Of every cell. */
  base: GuestOptions;
  axes: readonly Axis[];
  exclude: readonly LabelPattern[];
  include: readonly Inclusion[];
  /** Guest options for cells that fit, one upon the other. */
  overrides: readonly { match: LabelPattern; guest: GuestOptions }[];
}

/** A cell in the making. */
export interface Point {
  /** The value on each axis. */
  values: Map<string, AxisValue>;
  /** Of `include`, in its order, with the axes that each entry gave to the point. */
  extra: { guest: GuestOptions; axes: readonly string[] }[];
  /** Where it comes from, for messages. */
  origin: string;
}

/** Of the product of all axes. Beyond it something else than a matrix is meant. */
export const MAX_POINTS = 100_000;

/**
 * The product of the axes without what `exclude` fits, then with `include`, in the order of the axes. The guest of a cell is
 * `base`, the values of its axes, what `include` added, then `overrides`. Throws `VMTEST_CONFIG`: no cell is left, two have
 * the same name, or there are more than `MAX_POINTS`.
 */
export function expandMatrix(matrix: Matrix): Cell[] {
  const { left, removed, total } = withoutExcluded(matrix);
  const points = applyInclusions(left, matrix.include, matrix.axes.length === 0);
  if (points.length === 0) {
    const by = removed.flatMap((count, index) => (count === 0 ? [] : [`exclude[${index}] removed ${count}`]));
    throw configProblem(['exclude'], `no cell is left of ${total}: ${by.join(', ')}`);
  }
  const order = axisOrder(matrix);
  const overrides = matrix.overrides.map(({ match, guest }) => ({ fits: labelMatcher(match), guest }));
  const origins = new Map<string, string>();
  return points.map((point) => {
    const values = order.flatMap((name): [string, AxisValue][] => {
      const value = point.values.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    const axes = Object.fromEntries(values.map(([name, { label }]) => [name, label]));
    const guest = mergeGuests([
      matrix.base,
      ...values.map(([, value]) => value.guest),
      ...point.extra.map((each) => each.guest),
      ...overrides.filter(({ fits }) => fits(axes)).map((override) => override.guest),
    ]);
    const name = values.map(([, { label }]) => label).join('/') || (guest.image ?? DEFAULT_IMAGE).replace(/@.*/s, '');
    checkName(origins, name, `${point.origin} (${labelsText(axes)})`);
    return { name, axes, guest };
  });
}

function checkName(origins: Map<string, string>, name: string, origin: string): void {
  const before = origins.get(name);
  if (before === undefined) {
    origins.set(name, origin);
    return;
  }
  throw configProblem([], `two cells are called ${name}: that of ${before} and that of ${origin}`);
}

function withoutExcluded({ axes, exclude }: Matrix): { left: Point[]; removed: number[]; total: number } {
  const total = axes.reduce((product, { values }) => product * values.length, 1);
  if (total > MAX_POINTS) throw configProblem([], `the axes make ${total} cells, more than ${MAX_POINTS}`);
  const tests = exclude.map(labelMatcher);
  const removed = tests.map(() => 0);
  const left: Point[] = [];
  for (const values of product(axes)) {
    const labels: Labels = Object.fromEntries([...values].map(([name, { label }]) => [name, label]));
    const by = tests.findIndex((fits) => fits(labels));
    if (by < 0) left.push({ values, extra: [], origin: 'the matrix' });
    else removed[by] = (removed[by] ?? 0) + 1;
  }
  return { left, removed, total };
}

/** The last axis changes fastest. One empty point where there are no axes. */
function* product(axes: readonly Axis[]): Generator<Map<string, AxisValue>> {
  const total = axes.reduce((count, { values }) => count * values.length, 1);
  for (let index = 0; index < total; index += 1) {
    let rest = index;
    const chosen: [string, AxisValue][] = [];
    for (const { name, values } of [...axes].reverse()) {
      const value = values[rest % values.length];
      if (value !== undefined) chosen.push([name, value]);
      rest = Math.floor(rest / values.length);
    }
    yield new Map(chosen.reverse());
  }
}

/** Built-in axes first, then the user's own, then those that only `include` has. */
function axisOrder({ axes, include }: Matrix): string[] {
  const used = new Set([...axes.map(({ name }) => name), ...include.flatMap(({ values }) => [...values.keys()])]);
  const names: string[] = [...BUILT_IN_AXES.filter((name) => used.has(name)), ...used];
  return [...new Set(names)];
}
