/** Labels of cells, and patterns for them. Pure. */

/** Label by axis. */
export type Labels = Readonly<Record<string, string>>;

/** By axis: patterns, of which one must fit the label; `*` stands for any characters. */
export type LabelPattern = Readonly<Record<string, readonly string[]>>;

/** A test for texts that fit the pattern from end to end. `*` stands for any characters, also none, and nothing else is special. */
export function wildcard(pattern: string): (text: string) => boolean {
  const parts = pattern.split(/\*+/);
  if (parts.length === 1) return (text) => text === pattern;
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  const middle = parts.slice(1, -1);
  // Not a regular expression: those of many stars take for ever on a text that does not fit.
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    const end = text.length - last.length;
    for (const part of middle) {
      const at = text.indexOf(part, from);
      if (at < 0 || at + part.length > end) return false;
      from = at + part.length;
    }
    return true;
  };
}

/** Every axis of the pattern must fit; a cell that lacks one of them does not. The empty pattern fits all. */
export function labelMatcher(pattern: LabelPattern): (labels: Labels) => boolean {
  const axes = Object.entries(pattern).map(([axis, patterns]) => ({ axis, tests: patterns.map(wildcard) }));
  return (labels) =>
    axes.every(({ axis, tests }) => {
      const label = Object.hasOwn(labels, axis) ? labels[axis] : undefined;
      return label !== undefined && tests.some((fits) => fits(label));
    });
}

/** `kernel=cloud memory=512M`, for messages. */
export const labelsText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([axis, label]) => `${axis}=${label}`)
    .join(' ') || 'no axis';
