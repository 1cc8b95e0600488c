/** What goes on at this moment, as lines that are written over. Pure. */
import type { JobState, RunModel } from '../../results/events/run-model.js';
import { jobCounts } from '../../results/events/status.js';
import { failuresOf, totalOf } from '../../results/suite-result.js';
import { elapsed, shown } from '../shown.js';
import { paintCounts, type Style } from './style.js';

export interface Screen {
  columns: number;
  rows: number;
  /** Columns that a text takes on a terminal. */
  widthOf(text: string): number;
  now: number;
}

/** One line for each running job, as many as fit, then the counters. */
export function progressLines(model: RunModel, style: Style, screen: Screen): string[] {
  const room = Math.max(0, screen.rows - 3);
  const running = [...model.running];
  const fits = running.length <= room;
  const listed = fits ? running : running.slice(0, Math.max(0, room - 1));
  const lines = listed.map((job) => runningLine(job, style, screen));
  if (!fits && room > 0) lines.push(style.quiet(`  and ${running.length - listed.length} more running`));
  return [...lines, countersLine(model, style, screen)];
}

export function runningLine(job: JobState, style: Style, screen: Screen): string {
  const since = job.stageBegun ?? job.begun ?? screen.now;
  const failed = failuresOf(job.counts);
  const done = totalOf(job.counts);
  const facts = [
    job.stage ?? 'starting',
    elapsed(screen.now - since),
    ...(job.attempt > 0 ? [`attempt ${job.attempt + 1}`] : []),
    ...(done > 0 ? [`${done} ${done === 1 ? 'case' : 'cases'}`] : []),
  ];
  const end = `  ${facts.join(' ')}`;
  const bad = failed > 0 ? ` ${failed} failed` : '';
  const wide = screen.widthOf(end) + screen.widthOf(bad);
  // The name is what is cut; on a very narrow terminal the facts are, too.
  const name = cut(`  ${shown(job.info.id)}`, Math.max(8, screen.columns - 1 - wide), screen.widthOf);
  const facing = cut(end, screen.columns - 1 - screen.widthOf(name), screen.widthOf);
  const left = screen.columns - 1 - screen.widthOf(name) - screen.widthOf(facing);
  return `${name}${style.quiet(facing)}${style.bad(cut(bad, left, screen.widthOf))}`;
}

export function countersLine(model: RunModel, style: Style, screen: Screen): string {
  const counts = jobCounts(model);
  const ended = model.jobs.size - counts['not-run'];
  counts['not-run'] = 0;
  const failed = failuresOf(model.cases);
  const begun = model.run?.time ?? screen.now;
  const parts = [
    `${ended}/${model.jobs.size} jobs`,
    ...(ended > 0 ? [paintCounts(style, counts)] : []),
    `${totalOf(model.cases)} cases`,
    ...(failed > 0 ? [style.bad(`${failed} failed`)] : []),
    elapsed(screen.now - begun),
  ];
  const line = parts.join(', ');
  // A line that is too long would wrap; without colours it can be cut anywhere.
  if (screen.widthOf(line) < screen.columns) return line;
  return cut(`${ended}/${model.jobs.size} jobs, ${failuresOf(counts)} failed`, screen.columns - 1, screen.widthOf);
}

/** Of outputs where nothing is written over: what runs longest, and how many there are. '' when nothing does. */
export function stillRunning(model: RunModel, now: number): string {
  const [oldest] = model.running;
  if (oldest === undefined) return '';
  const more = model.running.size > 1 ? ` and ${model.running.size - 1} more` : '';
  const since = elapsed(now - (oldest.begun ?? now));
  return `still running: ${shown(oldest.info.id)} (${oldest.stage ?? 'starting'}, ${since})${more}`;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The text, or its beginning and `…`, in at most `columns` columns. */
export function cut(text: string, columns: number, widthOf: (text: string) => number): string {
  if (widthOf(text) <= columns) return text;
  let out = '';
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > columns) break;
    out += segment;
  }
  return columns < 1 ? '' : `${out}…`;
}
