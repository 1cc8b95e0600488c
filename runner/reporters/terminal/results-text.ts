import { relative } from 'node:path';
import type { ReporterContext } from '../reporter.js';

/** Where the results are, as short as it can be said. Pure. */
export function resultsText({ results, cwd }: Pick<ReporterContext, 'results' | 'cwd'>): string | undefined {
  if (results === undefined) return undefined;
  const inside = relative(cwd, results);
  return inside === '' || inside.startsWith('..') ? results : inside;
}
