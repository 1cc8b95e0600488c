/** A job as a `<testsuite>`, as plain values: which elements it has is decided here. Pure. */
import type { Attachment, CaseEnd } from '../../results/events/event.js';
import { type CaseVerdict, isFailure } from '../../results/verdict.js';
import type { FinishedJob } from '../finished-jobs.js';
import { pathText } from '../shown.js';
import type { JunitOptions } from '../spec.js';
import { frameText } from '../terminal/job-lines.js';
import { createUnique } from './names.js';
import { xmlLine, xmlText } from './xml-text.js';

export interface JunitProblem {
  element: 'failure' | 'error';
  /** The verdict. */
  type: CaseVerdict;
  message: string;
  text: string;
}

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

/**
 * `<error>`: the test could not be run or was stopped. `<skipped>` also for what was not run: the failure that kept it
 * from running is told once, and not by each that came after it.
 */
function elementOf(verdict: CaseVerdict): 'failure' | 'error' | 'skipped' | undefined {
  if (verdict === 'infra-error' || verdict === 'interrupted') return 'error';
  if (verdict === 'skipped' || verdict === 'not-run') return 'skipped';
  return isFailure(verdict) ? 'failure' : undefined;
}

export function suiteOf(job: FinishedJob, options: SuiteOptions): JunitSuite {
  const unique = createUnique();
  const carrier = job.cases.find(({ verdict }) => carries(verdict, job.verdict));
  const needsOwn =
    job.cases.length === 0 ||
    (elementOf(job.verdict) === 'failure' || elementOf(job.verdict) === 'error' ? carrier === undefined : false);
  const attachments = attachmentLines(job, options);
  const whole = logOf(job, options);
  const retries = flakyByPath(job, options, whole);
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

/** Whether a case tells of the end of its job. */
function carries(verdict: CaseVerdict, job: CaseVerdict): boolean {
  if (job === 'failed') return elementOf(verdict) === 'failure' || elementOf(verdict) === 'error';
  return verdict === job && elementOf(verdict) !== undefined && isFailure(job);
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

const whys = ({ message, expected }: Pick<CaseEnd, 'message' | 'expected'>): string[] =>
  [message, expected].filter((text) => text !== undefined && text !== '') as string[];

function problemOf(
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

/** What earlier attempts say against the cases of the last one. */
function flakyByPath(job: FinishedJob, { flakyFailures }: SuiteOptions, whole: string | undefined) {
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

function propertiesOf({ info, guest, end, earlier, verdict, counts, cases }: FinishedJob): [string, string][] {
  const told = cases.length;
  const all = Object.values(counts).reduce((sum, each) => sum + each, 0);
  const properties: [string, string | undefined][] = [
    ['cell', info.cell],
    ['suite', info.suite],
    ['verdict', verdict],
    ['kernel', guest?.kernelRelease],
    ['arch', guest?.arch],
    ['engine', guest?.engine],
    ['image', guest?.image?.name],
    ['image.digest', guest?.image?.digest],
    ...Object.entries(info.axes).map(([axis, label]): [string, string] => [`axis.${axis}`, label]),
    ['attempts', String(earlier.length + 1)],
    ['exit-code', end?.exitCode === undefined ? undefined : String(end.exitCode)],
    ['repeat', end?.repeat],
    ['cases-left-out', all > told ? String(all - told) : undefined],
  ];
  return properties.flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[xmlLine(name), xmlLine(value)]],
  );
}

/** Three digits after the point, as Surefire's schema wants; a clock may have been set back. */
function seconds(ms: number): number {
  return Math.min(1e9, Math.max(0, Math.round(Number.isFinite(ms) ? ms : 0) / 1000));
}
