/** Patterns of labels in a configuration: checked against the labels that there are. Pure. */
import { didYouMean } from '../nearest.js';
import { type ConfigPath, configProblem } from '../plan/config-problem.js';
import type { Inclusion } from '../plan/inclusions.js';
import { type LabelPattern, wildcard } from '../plan/labels.js';
import type { Axis } from '../plan/matrix.js';
import { canonicalLabel } from './axis-values.js';

/** Labels by axis, all that any cell may have. */
export type KnownLabels = ReadonlyMap<string, readonly string[]>;

export function knownLabels(axes: readonly Axis[], include: readonly Inclusion[] = []): KnownLabels {
  const known = new Map<string, Set<string>>(
    axes.map(({ name, values }) => [name, new Set(values.map(({ label }) => label))]),
  );
  for (const { values } of include) {
    for (const [axis, { label }] of values) {
      const labels = known.get(axis);
      if (labels === undefined) known.set(axis, new Set([label]));
      else labels.add(label);
    }
  }
  return new Map([...known].map(([axis, labels]) => [axis, [...labels]]));
}

type Given = Readonly<Record<string, string | number | readonly (string | number)[]>>;

/** Throws `VMTEST_CONFIG` for an axis that there is not, and for a label that no cell has: they are mistyped. */
export function labelPattern(given: Given, known: KnownLabels, path: ConfigPath): LabelPattern {
  return Object.fromEntries(
    Object.entries(given).map(([axis, value]) => {
      const labels = known.get(axis);
      if (labels === undefined) {
        const advice = known.size === 0 ? 'there are none' : didYouMean(axis, [...known.keys()]);
        throw configProblem([...path, axis], `there is no axis "${axis}"; ${advice}`);
      }
      const isList = typeof value === 'object';
      const patterns = (isList ? value : [value]).map((label, index) => {
        const pattern = canonicalLabel(axis, label);
        if (labels.some(wildcard(pattern))) return pattern;
        const where = [...path, axis, ...(isList ? [index] : [])];
        throw configProblem(where, `no label of this axis fits "${pattern}"; ${didYouMean(pattern, labels)}`);
      });
      return [axis, patterns];
    }),
  );
}
