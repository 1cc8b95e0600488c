/** The line for a shell that runs one job again, and no other. Pure. */
import type { EngineChoice } from '../engine/choice.js';
import type { Job } from '../plan/plan.js';

/** In single quotes where the shell would make something else of it. */
export const shellWord = (text: string): string =>
  /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** `config`: as it was named, or found; relative to the working directory. `engine`: where the command line names it. */
export function repeatCommand({ id, cell, repetition }: Job, config: string, engine?: EngineChoice): string {
  const pattern = `/^${id.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$/`;
  // `*` in the name of a cell stands for anything: the pattern tells them apart.
  const words = ['npx', 'vmtest', 'test', '--config', config, '--project', cell.name, '--grep', pattern];
  // The second of a suite is there only where it is repeated.
  const repeated = repetition > 1 ? ['--repeat-each', `${repetition}`] : [];
  const under = engine === undefined ? [] : ['--engine', engine];
  return [...words, ...repeated, ...under].map(shellWord).join(' ');
}
