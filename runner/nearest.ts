/** Names that someone may have meant; pure. */

/** Edits (insert, delete, replace) between two words. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known names, the most similar first, at most `count`. */
export function nearest(name: string, known: readonly string[], count = 5): string[] {
  const ranked = known.map((each) => ({ each, distance: editDistance(name, each) }));
  ranked.sort((a, b) => a.distance - b.distance || (a.each < b.each ? -1 : 1));
  return ranked.slice(0, count).map(({ each }) => each);
}

/** `did you mean retries?`, or a few of the known names where none is that near; they are at least one. */
export function didYouMean(name: string, known: readonly string[]): string {
  const ranked = nearest(name, known, 3);
  const close = ranked.filter((each) => editDistance(name, each) <= Math.max(1, Math.floor(name.length / 3)));
  const offered = close.length > 0 ? close : ranked;
  return `did you mean ${offered.length > 1 ? 'one of ' : ''}${offered.join(', ')}?`;
}
