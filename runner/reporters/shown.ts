/** Text of a guest, or of a file of events, made fit for a terminal and the log of a CI system. Pure. */
import { withoutAnsi } from '../results/clean-text.js';
import type { EngineUse } from '../results/events/event.js';
import { plain } from '../results/plain.js';

/** They turn the order of what follows them on the line. */
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Agents of CI systems obey these wherever they stand in a line: `##[error]`, `##vso[...]`, `##teamcity[...]`. */
const AGENT_COMMAND = /##(?=\w*\[)/g;

/** One line: no colours, no control characters, and nothing that the agent of a CI system obeys but `::` at the start. */
export function shown(text: string): string {
  const line = plain(withoutAnsi(text).replaceAll('\t', '    '));
  return line.replace(BIDI, '\ufffd').replace(AGENT_COMMAND, '# #');
}

/** UTF-16 units of a line that is shown. */
const MAX_SHOWN = 500;

/** The last lines of a text, each `shown` and not too long. */
export function lastLines(text: string | readonly string[], count: number): string[] {
  const lines = typeof text === 'string' ? text.trimEnd().split('\n') : text;
  const left = Math.max(0, lines.length - count);
  const last = lines.slice(left).map((line) => {
    const clean = shown(line.slice(0, 2 * MAX_SHOWN));
    return clean.length > MAX_SHOWN ? `${clean.slice(0, MAX_SHOWN - 1)}…` : clean;
  });
  return left === 0 ? last : [`[... ${left} lines]`, ...last];
}

/** `850ms`, `12.3s`, `2m 05s`, `1h 02m`. `ms` of a clock that was set back is nothing. */
export function duration(ms: number): string {
  const most = Math.max(0, ms);
  if (most < 1000) return `${Math.round(most)}ms`;
  if (most < 59_950) return `${(most / 1000).toFixed(1)}s`;
  const seconds = Math.round(most / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
}

/** The same of what goes on, in whole seconds: a number that flickers says nothing. */
export const elapsed = (ms: number): string => (ms < 60_000 ? `${Math.floor(Math.max(0, ms) / 1000)}s` : duration(ms));

/** The names of a case in one. */
export const pathText = (path: readonly string[]): string => path.join(' > ');

/** Which engine serves guests, and why. */
export function engineLine({ engine, arch, reason, timeScale, assumed }: EngineUse): string {
  const how = assumed === true ? 'assumed until one was measured' : 'measured';
  const slower = timeScale === 1 ? '' : `; ${timeScale} times slower (${how}), time limits are as much longer`;
  return shown(`engine ${engine} for ${arch}: ${reason}${slower}`);
}
