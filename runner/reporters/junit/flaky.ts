/** Failures of earlier attempts of a job that passed in the end. Pure. */
import type { CaseEnd } from '../../results/events/event.js';
import { isFailure } from '../../results/verdict.js';
import type { FinishedJob } from '../finished-jobs.js';
import { carries, elementOf, type JunitProblem, problemOf } from './problem.js';
import { xmlLine, xmlText } from './xml-text.js';

/** What earlier attempts say against the cases of the last one. */
export function flakyByPath(job: FinishedJob, flakyFailures: boolean, whole: string | undefined) {
  const byPath = new Map<string, JunitProblem[]>();
  const others: JunitProblem[] = [];
  const add = (event: CaseEnd): void => {
    const element = elementOf(event.verdict);
    if (element !== 'failure' && element !== 'error') return;
    const key = JSON.stringify(event.path);
    byPath.set(key, [...(byPath.get(key) ?? []), problemOf(event, element, whole, '')]);
  };
  if (flakyFailures && !isFailure(job.verdict)) {
    for (const { cases, verdict, message = verdict } of job.earlier) {
      for (const each of cases) add(each);
      const element = elementOf(verdict) === 'error' ? 'error' : 'failure';
      const told = cases.some((each) => carries(each.verdict, verdict));
      if (!told) others.push({ element, type: verdict, message: xmlLine(message), text: xmlText(message) });
    }
  }
  return {
    take(event: CaseEnd): JunitProblem[] {
      const key = JSON.stringify(event.path);
      const found = byPath.get(key) ?? [];
      byPath.delete(key);
      // A format may tell of reruns itself.
      if (flakyFailures && event.verdict === 'flaky') found.push(problemOf(event, 'failure', whole, ''));
      return found;
    },
    /** Those that no case of the last attempt takes. */
    rest: (): JunitProblem[] => [...[...byPath.values()].flat(), ...others],
  };
}
