/** `include`: more of a matrix, by the rule that GitHub Actions made known. Pure. */
import type { GuestOptions } from './guest-options.js';
import type { AxisValue, Point } from './matrix.js';

export interface Inclusion {
  /** The value on each axis that it names. */
  values: ReadonlyMap<string, AxisValue>;
  guest: GuestOptions;
}

/**
 * Each entry in its turn: where its labels contradict no label that the product gave to a point, the point gets those of
 * its labels that it lacks, and its guest options. An entry that fits no point of the product becomes a point of its own,
 * with its labels and no others; later entries leave that one alone. A label that an earlier entry added, a later one may
 * replace, which takes the guest options of the earlier one away.
 * `noAxes`: there is no product, and every entry is a point.
 */
export function applyInclusions(product: Point[], include: readonly Inclusion[], noAxes: boolean): Point[] {
  if (include.length === 0) return product;
  const originals = noAxes ? [] : product.map((point) => ({ point, labels: labelsOf(point) }));
  const own: Point[] = [];
  include.forEach(({ values, guest }, index) => {
    const fitting = originals.filter(({ labels }) =>
      [...values].every(([axis, { label }]) => (labels.get(axis) ?? label) === label),
    );
    for (const { point, labels } of fitting) {
      const added = [...values].filter(([axis]) => !labels.has(axis));
      const replaced = added.filter(([axis, { label }]) => (point.values.get(axis)?.label ?? label) !== label);
      point.extra = point.extra.filter(({ axes }) => !replaced.some(([axis]) => axes.includes(axis)));
      for (const [axis, value] of added) point.values.set(axis, value);
      point.extra.push({ guest, axes: added.map(([axis]) => axis) });
    }
    if (fitting.length > 0) return;
    own.push({ values: new Map(values), extra: [{ guest, axes: [] }], origin: `include[${index}]` });
  });
  return [...originals.map(({ point }) => point), ...own];
}

const labelsOf = ({ values }: Point): Map<string, string> =>
  new Map([...values].map(([axis, { label }]) => [axis, label]));
