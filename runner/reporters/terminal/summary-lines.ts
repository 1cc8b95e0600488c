/** The end of a run, as lines for people. Pure. */
import type { JobState, RunModel } from '../../results/events/run-model.js';
import { jobCounts, statusOf } from '../../results/events/status.js';
import { totalOf } from '../../results/suite-result.js';
import { isFailure } from '../../results/verdict.js';
import { duration, shown } from '../shown.js';
import { paintCounts, paintVerdict, type Style } from './style.js';

/** Jobs that are named again. */
const SHOWN_FAILURES = 50;

/** `results`: the directory, as it is shown. */
export function summaryLines(model: RunModel, style: Style, results: string | undefined): string[] {
  const counts = jobCounts(model);
  const failed = [...model.jobs.values()].filter(({ phase, end }) => {
    return phase === 'ended' && end !== undefined && isFailure(end.verdict);
  });
  const status = statusOf(model);
  const begun = model.run?.time ?? model.time;
  const time = model.end?.durationMs ?? model.time - begun;
  const why = model.end === undefined ? 'the run has no end: it was killed' : model.end.message;
  const total = model.jobs.size;
  return [
    '',
    ...failed.slice(0, SHOWN_FAILURES).flatMap((job) => failureLines(job, style)),
    ...(failed.length > SHOWN_FAILURES ? [`and ${failed.length - SHOWN_FAILURES} more jobs that failed`] : []),
    ...(failed.length > 0 ? [''] : []),
    `jobs     ${total === 0 ? 'none' : paintCounts(style, counts)}${total > 1 ? style.quiet(` of ${total}`) : ''}`,
    `cases    ${totalOf(model.cases) === 0 ? 'none' : paintCounts(style, model.cases)}`,
    `time     ${duration(time)}`,
    ...(results === undefined ? [] : [`results  ${shown(results)}`]),
    `${status === 'passed' ? style.good(status) : style.bad(status)}${why === undefined ? '' : `: ${shown(why)}`}`,
  ];
}

function failureLines({ info, end }: JobState, style: Style): string[] {
  if (end === undefined) return [];
  const why = end.message === undefined ? '' : `: ${shown(end.message)}`;
  return [`${paintVerdict(style, end.verdict)} ${shown(info.id)}${why}`, style.quiet(`    ${shown(end.repeat)}`)];
}
