/** What a copy left out, as lines. Pure. */
import type { Skipped } from '../agent/index.js';
import { plain } from '../results/plain.js';

const MAX_LINES = 10;

/** One line each, then how many more there are. */
export function skippedLines(skipped: readonly Skipped[]): string[] {
  const lines = skipped.slice(0, MAX_LINES).map(({ path, reason }) => plain(`left out ${path}: ${reason}`));
  const more = skipped.length - lines.length;
  return more === 0 ? lines : [...lines, `and ${more} more`];
}
