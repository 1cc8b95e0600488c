/** A job that has ended, as lines for people. Pure. */
import type { CaseEnd, FaultFound, JobEnd } from '../../results/events/event.js';
import type { JobState } from '../../results/events/run-model.js';
import type { Frame } from '../../results/faults/fault.js';
import { countsLine, totalOf } from '../../results/suite-result.js';
import { isFailure } from '../../results/verdict.js';
import { duration, lastLines, pathText, shown } from '../shown.js';
import { paintVerdict, type Style } from './style.js';

const CASES = 10;
const CASE_LINES = 10;
const FAULTS = 3;
const FRAMES = 5;
const CONSOLE_LINES = 15;

/** The line that every job has: how it ended, which it is, and its cases. */
export function jobLine(job: JobState, end: JobEnd, style: Style): string {
  const facts = [
    ...(totalOf(end.counts) > 0 ? [countsLine(end.counts)] : []),
    ...(end.attempt > 0 || end.retried ? [`attempt ${end.attempt + 1}`] : []),
    duration(end.durationMs),
  ];
  const again = end.retried ? style.odd(' will be tried again') : '';
  return `${paintVerdict(style, end.verdict)} ${shown(job.info.id)} ${style.quiet(`(${facts.join(', ')})`)}${again}`;
}

/** Why, for one that is no success: its cases, faults, the end of its console, and how to run it alone. */
export function jobDetails(job: JobState, end: JobEnd, style: Style): string[] {
  const warnings = (end.warnings ?? []).map((text) => `  ${style.odd('warning')}: ${shown(text)}`);
  if (!isFailure(end.verdict)) return warnings;
  const told = job.failures.slice(0, CASES).some(({ message }) => message === end.message);
  const console = (end.console ?? []).length === 0 ? [] : ['  console:', ...quoted(end.console ?? [], CONSOLE_LINES)];
  return [
    ...(end.message === undefined || told ? [] : [`  ${shown(end.message)}`]),
    ...job.failures.slice(0, CASES).flatMap((each) => caseLines(each, style)),
    ...more(job.failureCount - Math.min(CASES, job.failures.length), 'more that did not pass'),
    ...job.faults.slice(0, FAULTS).flatMap((each) => faultLines(each, style)),
    ...more(job.faultCount - Math.min(FAULTS, job.faults.length), 'more faults'),
    ...console.map((line) => style.quiet(line)),
    ...warnings,
    ...(end.exitCode === undefined ? [] : [`  exit code ${end.exitCode}`]),
    `  repeat: ${style.strong(shown(end.repeat))}`,
  ];
}

const more = (count: number, what: string): string[] => (count > 0 ? [`  and ${count} ${what}`] : []);

const quoted = (text: string | readonly string[], count: number): string[] =>
  lastLines(text, count).map((line) => `    | ${line}`);

function caseLines({ path, verdict, message, diagnostics, location, expected }: CaseEnd, style: Style): string[] {
  const why = [message, expected].filter((text) => text !== undefined).join('; ');
  const line = location?.line === undefined ? '' : `:${location.line}`;
  const where = location === undefined ? '' : ` (${shown(location.file)}${line})`;
  const first = `  ${paintVerdict(style, verdict)} ${shown(pathText(path))}${why === '' ? '' : `: ${shown(why)}`}${where}`;
  return diagnostics === undefined
    ? [first]
    : [first, ...quoted(diagnostics, CASE_LINES).map((each) => style.quiet(each))];
}

function faultLines({ fault, during }: FaultFound, style: Style): string[] {
  const when = during === undefined ? '' : ` during ${shown(pathText(during))}`;
  const left = fault.frames.length - FRAMES;
  return [
    `  fault: ${style.bad(shown(fault.title))}${when}`,
    ...fault.frames.slice(0, FRAMES).map((frame) => style.quiet(`      ${shown(frameText(frame))}`)),
    ...(left > 0 ? [style.quiet(`      and ${left} more frames`)] : []),
  ];
}

export function frameText(frame: Frame): string {
  const module = frame.module === undefined ? '' : ` [${frame.module}]`;
  const source = (frame.source ?? []).map(({ file, line }) => `${file}:${line}`).join(', inlined at ');
  const place = `+0x${frame.offset.toString(16)}/0x${frame.size.toString(16)}`;
  return `${frame.function}${place}${module}${source === '' ? '' : `  ${source}`}`;
}
