/** The line for a shell that runs one job again, and no other. Pure. */
import type { Job } from '../plan/plan.js';

/** In single quotes where the shell would make something else of it. */
export const shellWord = (text: string): string =>
  /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** `config`: as it was named, or found; relative to the working directory. */
export function repeatCommand({ id, cell, repetition }: Job, config: string): string {
  const pattern = `/^${id.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$/`;
  // `*` in the name of a cell stands for anything: the pattern tells them apart.
  const words = ['npx', 'vmtest', 'test', '--config', config, '--project', cell.name, '--grep', pattern];
  // The second of a suite is there only where it is repeated.
  const repeated = repetition > 1 ? ['--repeat-each', `${repetition}`] : [];
  return [...words, ...repeated].map(shellWord).join(' ');
}
