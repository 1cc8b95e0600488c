/** A job as a `<testsuite>`, as plain values: which elements it has is decided here. Pure. */
import type { Attachment, CaseEnd } from '../../results/events/event.js';
import type { FinishedJob } from '../finished-jobs.js';
import { pathText } from '../shown.js';
import type { JunitOptions } from '../spec.js';
import { frameText } from '../terminal/job-lines.js';
import { flakyByPath } from './flaky.js';
import { createUnique } from './names.js';
import { carries, elementOf, type JunitProblem, problemOf, whys } from './problem.js';
import { propertiesOf } from './properties.js';
import { xmlLine, xmlText } from './xml-text.js';

export interface JunitCase {
  name: string;
  seconds: number;
  file?: string;
  line?: number;
  /** At most one of `problem` and `skipped`. */
  problem?: JunitProblem;
  skipped?: string;
  /** Of earlier attempts, for one that passed. */
  flaky: readonly JunitProblem[];
  out?: string;
}

export interface JunitSuite {
  name: string;
  classname: string;
  seconds: number;
  /** When it began, milliseconds since 1970. */
  begun?: number;
  hostname?: string;
  properties: readonly (readonly [name: string, value: string])[];
  cases: readonly JunitCase[];
}

export interface SuiteOptions extends JunitOptions {
  classname: string;
  hostname?: string;
  /** How the report names a file of the job. */
  pathOf(attachment: Attachment): string;
}

/** The case that stands for the job itself. */
const JOB_CASE = '(job)';

export function suiteOf(job: FinishedJob, options: SuiteOptions): JunitSuite {
  const unique = createUnique();
  const carrier = job.cases.find(({ verdict }) => carries(verdict, job.verdict));
  const needsOwn =
    job.cases.length === 0 ||
    (elementOf(job.verdict) === 'failure' || elementOf(job.verdict) === 'error' ? carrier === undefined : false);
  const attachments = attachmentLines(job, options);
  const whole = logOf(job, options);
  const retries = flakyByPath(job, options.flakyFailures === true, whole);
  const cases = job.cases.map((event): JunitCase => {
    const own = caseOf(event, options, whole, event === carrier ? jobText(job, event.message) : '');
    const flaky = own.problem === undefined && own.skipped === undefined ? retries.take(event) : [];
    const name = unique(xmlLine(pathText(event.path)) || '(no name)');
    return { ...own, name, flaky, ...(own.problem === undefined || attachments === '' ? {} : { out: attachments }) };
  });
  const left = retries.rest();
  if (needsOwn || left.length > 0)
    cases.push({ ...jobCase(job, whole, attachments, needsOwn), name: unique(JOB_CASE), flaky: left });
  return {
    name: xmlLine(job.info.id) || '(no name)',
    classname: options.classname,
    seconds: seconds(job.durationMs),
    ...(job.begun === undefined ? {} : { begun: job.begun }),
    ...(options.hostname === undefined ? {} : { hostname: xmlLine(options.hostname) }),
    properties: propertiesOf(job),
    cases,
  };
}

function caseOf(
  event: CaseEnd,
  options: SuiteOptions,
  whole: string | undefined,
  more: string,
): Omit<JunitCase, 'name' | 'flaky'> {
  const { verdict, location, durationMs } = event;
  const element = elementOf(verdict);
  const problem = element === 'failure' || element === 'error' ? problemOf(event, element, whole, more) : undefined;
  const why = [...(verdict === 'not-run' ? ['not run'] : []), ...whys(event)].join(': ');
  return {
    seconds: seconds(durationMs ?? 0),
    ...(options.locations && location !== undefined ? { file: xmlLine(location.file) } : {}),
    ...(options.locations && location?.line !== undefined ? { line: location.line } : {}),
    ...(problem === undefined ? {} : { problem }),
    ...(element === 'skipped' ? { skipped: xmlText(why) } : {}),
  };
}

function jobCase(
  job: FinishedJob,
  whole: string | undefined,
  attachments: string,
  tells: boolean,
): Omit<JunitCase, 'name' | 'flaky'> {
  const element = tells ? elementOf(job.verdict) : undefined;
  const message = job.message ?? job.verdict;
  const out = attachments === '' || !tells ? {} : { out: attachments };
  const base = { seconds: tells ? seconds(job.durationMs) : 0, ...out };
  if (element === undefined) return base;
  if (element === 'skipped')
    return { ...base, skipped: xmlText(job.verdict === 'not-run' ? `not run: ${message}` : message) };
  const text = xmlText([message, jobText(job, message)].filter((part) => part !== '').join('\n'), whole);
  return { ...base, problem: { element, type: job.verdict, message: xmlLine(message), text } };
}

/** What is known of a job that failed beyond its cases, and beyond what was `told`. */
function jobText({ faults, end, message }: FinishedJob, told: string | undefined): string {
  const real = faults.filter(({ allowed }) => allowed === undefined);
  return [
    ...(message === undefined || message === told ? [] : [message]),
    ...(end?.exitCode === undefined ? [] : [`exit code ${end.exitCode}`]),
    ...real
      .slice(0, 10)
      .flatMap(({ fault, during }) => [
        `fault: ${fault.title}${during === undefined ? '' : ` during ${pathText(during)}`}`,
        ...fault.frames.slice(0, 12).map((frame) => `    ${frameText(frame)}`),
      ]),
    ...((end?.console ?? []).length === 0 ? [] : ['console:', ...(end?.console ?? [])]),
    ...(end === undefined ? [] : [`repeat: ${end.repeat}`]),
  ].join('\n');
}

/** A line for each file; GitLab takes the first one. A name that could not stand on a line of its own has none. */
function attachmentLines({ end }: FinishedJob, { pathOf }: SuiteOptions): string {
  const paths = (end?.attachments ?? [])
    .map(pathOf)
    .filter((path) => xmlText(path) === path && !/[\n\t]|\]\]/.test(path));
  return paths.map((path) => `[[ATTACHMENT|${path}]]`).join('\n');
}

/** The file that has what is left out of the texts. */
function logOf({ end }: FinishedJob, { pathOf }: SuiteOptions): string | undefined {
  const log = end?.attachments.find(({ name }) => name === 'stdout') ?? end?.attachments[0];
  return log === undefined ? undefined : pathOf(log);
}

/** Three digits after the point, as Surefire's schema wants; a clock may have been set back. */
function seconds(ms: number): number {
  return Math.min(1e9, Math.max(0, Math.round(Number.isFinite(ms) ? ms : 0) / 1000));
}
