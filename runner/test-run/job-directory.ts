/** Where the files of a job lie below the directory of the results. Pure. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Job } from '../plan/plan.js';

const MAX_NAME = 60;

/** Names that differ give names that differ; most stay what they are. */
function fileName(name: string): string {
  const plain = name.replace(/[^\w.+=-]+/g, '-').replace(/^[.-]+/, '_');
  if (plain === name && name.length <= MAX_NAME) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return `${plain.slice(0, MAX_NAME)}-${digest}`;
}

/** `cells/LABEL/LABEL/suites/SUITE`, with what tells repetitions and attempts apart. */
export function jobDirectory({ cell, suite, repetition }: Job, attempt: number): string {
  const repeated = repetition > 1 ? `,repeat${repetition}` : '';
  const retried = attempt > 0 ? `,retry${attempt}` : '';
  const labels = cell.name.split('/').map(fileName);
  return join('cells', ...labels, 'suites', `${fileName(suite.name)}${repeated}${retried}`);
}
