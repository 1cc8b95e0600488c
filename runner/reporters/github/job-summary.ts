/** The summary of a run as Markdown: a table of cells and suites. Pure. */
import type { JobState, RunModel } from '../../results/events/run-model.js';
import { jobCounts, statusOf } from '../../results/events/status.js';
import { countsLine, failuresOf, totalOf } from '../../results/suite-result.js';
import { type CaseVerdict, isFailure } from '../../results/verdict.js';
import { duration, shown } from '../shown.js';
import type { Annotation } from './commands.js';

/** Bytes that GitHub takes of one step; the whole summary is refused when there are more. */
export const MAX_SUMMARY = 1024 * 1024;
/** Bytes of a message or a name. */
const MAX_TEXT = 300;

/** `room`: bytes that may be used. What does not fit is left out with a line that says so. */
export function jobSummary(model: RunModel, failures: readonly Annotation[], room: number): string {
  const status = statusOf(model);
  const head = [
    `### ${status === 'passed' ? '✅' : '❌'} vmtest: ${status}`,
    '',
    `Jobs: ${countsLine(jobCounts(model)).replace('no tests', 'none')}. Cases: ${countsLine(model.cases)}. Time: ${duration(model.end?.durationMs ?? 0)}.`,
    ...(model.end?.message === undefined ? [] : ['', markdown(model.end.message)]),
    '',
  ];
  const text = createText(room);
  text.add(...head);
  addTable(text, model);
  if (failures.length > 0) text.add('', '#### Failures', '');
  for (const { title = '', message } of failures) {
    const [first = '', where = '', ...details] = message.split('\n');
    const block =
      details.length === 0
        ? []
        : ['', '  ```text', ...details.map((line) => `  ${line.replaceAll('```', "'''")}`), '  ```'];
    if (!text.add(`- **${markdown(title)}**: ${markdown(first)} ${markdown(where)}`, ...block)) break;
  }
  return text.end();
}

function addTable(text: Text, model: RunModel): void {
  const suites = [...new Set([...model.jobs.values()].map(({ info }) => info.suite))];
  const rows = new Map<string, Map<string, JobState[]>>();
  for (const job of model.jobs.values()) {
    const row = rows.get(job.info.cell) ?? new Map<string, JobState[]>();
    rows.set(job.info.cell, row);
    row.set(job.info.suite, [...(row.get(job.info.suite) ?? []), job]);
  }
  if (suites.length === 0) return;
  text.add(`| | ${suites.map(markdown).join(' | ')} |`, `|---|${suites.map(() => '---').join('|')}|`);
  // Those with failures first, for when not all fit.
  const sorted = [...rows].sort(([, a], [, b]) => badness(b) - badness(a));
  let shownRows = 0;
  for (const [cell, row] of sorted) {
    const line = `| ${markdown(cell)} | ${suites.map((suite) => entry(row.get(suite) ?? [])).join(' | ')} |`;
    if (!text.add(line)) break;
    shownRows += 1;
  }
  if (shownRows < sorted.length) text.add('', `and ${sorted.length - shownRows} more cells`);
}

const verdictOf = ({ phase, end }: JobState): CaseVerdict =>
  phase === 'ended' && end !== undefined ? end.verdict : 'not-run';

const badness = (row: ReadonlyMap<string, JobState[]>): number =>
  [...row.values()].flat().some((job) => isFailure(verdictOf(job))) ? 1 : 0;

const SIGNS: Partial<Record<CaseVerdict, string>> = { passed: '✅', flaky: '⚠️', skipped: '⏭️', 'not-run': '⬜' };

function entry(jobs: readonly JobState[]): string {
  return jobs
    .map((job) => {
      const verdict = verdictOf(job);
      const total = totalOf(job.counts);
      const cases = total === 0 ? '' : ` ${total - failuresOf(job.counts)}/${total}`;
      return `${SIGNS[verdict] ?? '❌'}${verdict === 'passed' ? '' : ` ${verdict}`}${cases}`;
    })
    .join('<br>');
}

/** A text that means nothing to Markdown, in one line. */
function markdown(text: string): string {
  const line = shown(text);
  const short = line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT - 1)}…` : line;
  return short
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_{}[\]#|~@$]/g, '\\$&');
}

interface Text {
  /** Adds lines when all of them fit. */
  add(...lines: string[]): boolean;
  end(): string;
}

function createText(room: number): Text {
  const cut = '\n\nThe rest does not fit into a summary.\n';
  const kept: string[] = [];
  let left = room - Buffer.byteLength(cut);
  let full = false;
  return {
    add(...lines) {
      const block = lines.map((line) => `${line}\n`).join('');
      const size = Buffer.byteLength(block);
      if (size > left) {
        full = true;
        return false;
      }
      left -= size;
      kept.push(block);
      return true;
    },
    end: () => (kept.length === 0 ? '' : `${kept.join('')}${full ? cut : ''}`),
  };
}
