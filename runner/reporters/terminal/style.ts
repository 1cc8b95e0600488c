/** What an output can do, and what the user wants of it. */
import { styleText } from 'node:util';
import type { Counts } from '../../results/suite-result.js';
import { type CaseVerdict, isFailure } from '../../results/verdict.js';
import type { OutputStream } from '../reporter.js';

type Paint = (text: string) => string;

export interface Style {
  good: Paint;
  bad: Paint;
  /** Neither: skipped, flaky. */
  odd: Paint;
  quiet: Paint;
  strong: Paint;
}

const given = (value: string | undefined): value is string => value !== undefined && value !== '';

/** https://no-color.org, and FORCE_COLOR as Node has it, which wins; else a terminal that is not dumb. */
export function wantsColour(stream: OutputStream, env: NodeJS.ProcessEnv): boolean {
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (given(env['NO_COLOR'])) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** Whether nothing that was written may be written over: no terminal, a dumb one, or that of a CI system. */
export function isCalm(stream: OutputStream, env: NodeJS.ProcessEnv): boolean {
  const ci = env['CI'];
  return stream.isTTY !== true || env['TERM'] === 'dumb' || (given(ci) && ci !== '0' && ci !== 'false');
}

export function createStyle(colour: boolean): Style {
  // Whether there is colour is decided here and not by `styleText`, which looks at another stream.
  const paint = (format: Parameters<typeof styleText>[0]): Paint =>
    colour ? (text) => styleText(format, text, { validateStream: false }) : (text) => text;
  return {
    good: paint('green'),
    bad: paint('red'),
    odd: paint('yellow'),
    quiet: paint('dim'),
    strong: paint('bold'),
  };
}

export function paintVerdict(style: Style, verdict: CaseVerdict, text: string = verdict): string {
  if (isFailure(verdict)) return style.bad(text);
  return verdict === 'passed' ? style.good(text) : style.odd(text);
}

/** `3 passed, 1 failed`, failures last; '' when all are zero. */
export function paintCounts(style: Style, counts: Counts): string {
  const verdicts = (Object.keys(counts) as CaseVerdict[]).filter((verdict) => counts[verdict] > 0);
  return verdicts.map((verdict) => paintVerdict(style, verdict, `${counts[verdict]} ${verdict}`)).join(', ');
}
