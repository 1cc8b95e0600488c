/** What is told of a case that did not pass. Pure. */
import type { CaseEnd } from '../../results/events/event.js';
import { type CaseVerdict, isFailure } from '../../results/verdict.js';
import { xmlLine, xmlText } from './xml-text.js';

export interface JunitProblem {
  element: 'failure' | 'error';
  /** The verdict. */
  type: CaseVerdict;
  message: string;
  text: string;
}

/**
 * `<error>`: the test could not be run or was stopped. `<skipped>` also for what was not run: the failure that kept it
 * from running is told once, and not by each that came after it.
 */
export function elementOf(verdict: CaseVerdict): 'failure' | 'error' | 'skipped' | undefined {
  if (verdict === 'infra-error' || verdict === 'interrupted') return 'error';
  if (verdict === 'skipped' || verdict === 'not-run') return 'skipped';
  return isFailure(verdict) ? 'failure' : undefined;
}

/** Whether a case tells of the end of its job. */
export function carries(verdict: CaseVerdict, job: CaseVerdict): boolean {
  if (job === 'failed') return elementOf(verdict) === 'failure' || elementOf(verdict) === 'error';
  return verdict === job && elementOf(verdict) !== undefined && isFailure(job);
}

export const whys = ({ message, expected }: Pick<CaseEnd, 'message' | 'expected'>): string[] =>
  [message, expected].filter((text) => text !== undefined && text !== '') as string[];

export function problemOf(
  event: CaseEnd,
  element: 'failure' | 'error',
  whole: string | undefined,
  more: string,
): JunitProblem {
  const { verdict, location, diagnostics } = event;
  const where =
    location === undefined ? [] : [`at ${location.file}${location.line === undefined ? '' : `:${location.line}`}`];
  const parts = [
    ...whys(event),
    ...where,
    ...(diagnostics === undefined ? [] : [diagnostics]),
    ...(more === '' ? [] : [more]),
  ];
  return {
    element,
    type: verdict,
    message: xmlLine(whys(event).join('; ') || verdict),
    text: xmlText(parts.join('\n'), whole),
  };
}
