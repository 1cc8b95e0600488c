/** Failures of a run, the same one of many cells once. Pure. */
import type { CaseEnd, JobEnd } from '../../results/events/event.js';
import type { JobState } from '../../results/events/run-model.js';
import { isFailure } from '../../results/verdict.js';
import { lastLines, pathText, shown } from '../shown.js';
import type { Annotation } from './commands.js';

/** Different ones that are kept. GitHub shows 10 annotations of a step, and the log has all of them. */
const MAX_FAILURES = 100;
const CELLS = 10;
const LINES = 20;

interface Failure {
  suite: string;
  what: string;
  message: string;
  details: string[];
  cells: string[];
  count: number;
  file?: string;
  line?: number;
}

export interface Failures {
  add(job: JobState, end: JobEnd): void;
  annotations(): Annotation[];
}

/** `workspace`: the checkout; only files in it can be annotated. */
export function createFailures(workspace: string | undefined): Failures {
  const byKey = new Map<string, Failure>();
  let left = 0;

  function put(key: string, cell: string, make: () => Omit<Failure, 'cells' | 'count'>): void {
    let failure = byKey.get(key);
    if (failure === undefined) {
      if (byKey.size >= MAX_FAILURES) {
        left += 1;
        return;
      }
      failure = { ...make(), cells: [], count: 0 };
      byKey.set(key, failure);
    }
    failure.count += 1;
    if (failure.cells.length < CELLS) failure.cells.push(shown(cell));
  }

  const ofCase = (suite: string, event: CaseEnd): Omit<Failure, 'cells' | 'count'> => ({
    suite: shown(suite),
    what: shown(pathText(event.path)),
    message: `${event.verdict}${event.message === undefined ? '' : `: ${shown(event.message)}`}`,
    details: event.diagnostics === undefined ? [] : lastLines(event.diagnostics, LINES),
    ...placeOf(event, workspace),
  });

  return {
    add({ info, failures, faults }, end) {
      if (!isFailure(end.verdict) || end.retried) return;
      const told = failures.filter(({ verdict }) => verdict !== 'not-run');
      for (const event of told) {
        put(JSON.stringify([info.suite, event.path, event.verdict]), info.cell, () => ofCase(info.suite, event));
      }
      if (told.some(({ verdict }) => verdict === end.verdict)) return;
      put(JSON.stringify([info.suite, end.verdict, end.message]), info.cell, () => ({
        suite: shown(info.suite),
        what: '',
        message: `${end.verdict}${end.message === undefined ? '' : `: ${shown(end.message)}`}`,
        details: [...faults.map(({ fault }) => shown(fault.title)), ...lastLines(end.console ?? [], LINES)],
      }));
    },
    annotations() {
      const all = [...byKey.values()].map(annotationOf);
      if (left > 0) all.push({ level: 'error', message: `and ${left} more failures: see the log or the report` });
      return all;
    },
  };
}

function annotationOf({ suite, what, message, details, cells, count, file, line }: Failure): Annotation {
  const more = count > cells.length ? ` and ${count - cells.length} more` : '';
  return {
    level: 'error',
    title: what === '' ? suite : `${suite}: ${what}`,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    message: [message, `in ${cells.join(', ')}${more}`, ...details].join('\n'),
  };
}

/** Relative paths may be of the repository; absolute ones are when they lie in it. */
function placeOf({ location }: CaseEnd, workspace: string | undefined): { file?: string; line?: number } {
  if (location === undefined) return {};
  let { file } = location;
  if (workspace !== undefined && workspace !== '' && file.startsWith(`${workspace}/`))
    file = file.slice(workspace.length + 1);
  if (file.startsWith('/') || file.split('/').includes('..')) return {};
  return { file: shown(file), ...(location.line === undefined ? {} : { line: location.line }) };
}
