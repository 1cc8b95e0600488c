/** Names that are unique in a report: CI systems throw away the second of two that are the same. Pure. */
import type { JobInfo } from '../../results/events/event.js';
import { xmlLine } from './xml-text.js';

/**
 * `CELL.SUITE` by job. Jenkins takes what stands before the last dot for a package and GitLab shows all of it, so that
 * is the only dot: those of the names, as in `6.1`, become `_`.
 */
export function classNames(jobs: readonly JobInfo[]): Map<string, string> {
  const unique = createUnique();
  return new Map(jobs.map(({ id, cell, suite }) => [id, unique(`${part(cell)}.${part(suite)}`)]));
}

function part(text: string): string {
  const name = xmlLine(text).replaceAll('.', '_');
  return name === '' ? '_' : name;
}

/** Gives each name back, the second of two with ` #2`. */
export function createUnique(): (name: string) => string {
  const taken = new Map<string, number>();
  return (name) => {
    let count = taken.get(name);
    if (count === undefined) {
      taken.set(name, 1);
      return name;
    }
    let other: string;
    do {
      count += 1;
      other = `${name} #${count}`;
    } while (taken.has(other));
    taken.set(name, count);
    taken.set(other, 1);
    return other;
  };
}
