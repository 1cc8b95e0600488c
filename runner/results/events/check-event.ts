/** Whether an object is an event, as event.ts has them. Pure. */
import { noCounts } from '../suite-result.js';
import { VERDICTS } from '../verdict.js';
import { EVENTS_VERSION, RUN_STATUSES, type RunEvent, STAGES } from './event.js';
import {
  type Check,
  count,
  exactly,
  innerPath,
  listOf,
  number,
  oneOf,
  positive,
  recordOf,
  shape,
  text,
  yes,
} from './shape.js';

const counts = shape(Object.fromEntries(Object.keys(noCounts()).map((verdict) => [verdict, count])));
const names: Check = (value) => listOf(text)(value) ?? ((value as []).length === 0 ? ': expected a name' : undefined);
const location = shape({ file: text, 'line?': count });
const frame = shape({
  function: text,
  offset: number,
  size: number,
  'module?': text,
  'exact?': yes,
  'source?': listOf(shape({ function: text, file: text, line: count })),
});
const fault = shape({
  type: text,
  title: text,
  severity: oneOf(['fault', 'note']),
  text,
  line: count,
  trace: listOf(text),
  frames: listOf(frame),
  fingerprint: text,
  'taint?': text,
  'panic?': text,
});
const attachment = shape({ name: text, path: innerPath, 'truncated?': yes });
const job = shape({ id: text, cell: text, suite: text, axes: recordOf(text) });

const timed = { time: number };
const ofAttempt = { ...timed, job: text, attempt: count };

const SHAPES: Readonly<Record<RunEvent['type'], Check>> = {
  'run-begin': shape({
    ...timed,
    version: exactly(EVENTS_VERSION),
    id: text,
    vmtest: text,
    'config?': text,
    argv: listOf(text),
    'shard?': shape({ index: count, count }),
    'plan?': text,
    'hostname?': text,
    'engines?': listOf(shape({ arch: text, engine: text, reason: text, timeScale: positive, 'assumed?': yes })),
    jobs: listOf(job),
  }),
  'job-begin': shape(ofAttempt),
  stage: shape({ ...ofAttempt, stage: oneOf(STAGES) }),
  guest: shape({
    ...ofAttempt,
    engine: text,
    'engineReason?': text,
    'timeScale?': positive,
    arch: text,
    kernelRelease: text,
    'image?': shape({ name: text, digest: text }),
    bootMs: number,
    'shared?': yes,
  }),
  case: shape({
    ...ofAttempt,
    path: names,
    verdict: oneOf([...VERDICTS, 'not-run']),
    'message?': text,
    'diagnostics?': text,
    'durationMs?': number,
    'location?': location,
    'expected?': text,
  }),
  fault: shape({ ...ofAttempt, fault, 'during?': listOf(text), 'allowed?': text }),
  'job-end': shape({
    ...ofAttempt,
    verdict: oneOf(VERDICTS),
    'message?': text,
    durationMs: number,
    counts,
    'exitCode?': number,
    'console?': listOf(text),
    repeat: text,
    attachments: listOf(attachment),
    'retried?': yes,
    'warnings?': listOf(text),
  }),
  'run-end': shape({
    ...timed,
    status: oneOf(RUN_STATUSES),
    durationMs: number,
    jobs: counts,
    cases: counts,
    'message?': text,
  }),
};

const kind = shape({ type: oneOf(Object.keys(SHAPES)) });

/** What is wrong with it, like `job-end.counts.passed: expected a count`; `undefined` for an event. */
export function eventProblem(value: unknown): string | undefined {
  const unknown = kind(value);
  if (unknown !== undefined) return unknown.replace(/^[.:] ?/, '');
  const { type } = value as RunEvent;
  const wrong = SHAPES[type](value);
  return wrong === undefined ? undefined : `${type}${wrong}`;
}
