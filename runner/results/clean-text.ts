/** Text of a guest, fit to be kept, shown and compared. Pure. */
import { MAX_MESSAGE, MAX_NAME } from './limits.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these begin what is looked for.
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\u2028\u2029\p{Surrogate}]/gu;

/** Without the sequences that colour a terminal or move its cursor. */
export function withoutAnsi(text: string): string {
  return text.includes('\x1b') ? text.replace(ANSI, '') : text;
}

/**
 * Lines of a guest: no colours, and no characters that XML cannot carry or that a terminal obeys, but line feeds and
 * tabs.
 */
export function cleanText(text: string): string {
  // What redraws its line, like a progress bar, becomes lines.
  const lines = text.includes('\r') ? text.replace(/\r+\n?/g, '\n') : text;
  return withoutAnsi(lines).replace(CONTROLS, '\ufffd');
}

/** The same on one line and at most `limit` long. */
export function cleanLine(text: string, limit = MAX_MESSAGE): string {
  // A cut text refers to the text that it was cut out of, so it is never cut out of more than a few times its length.
  const short = text.length > 4 * limit ? copyOf(text.slice(0, 4 * limit)) : text;
  const line = cleanText(short).replace(/\s+/g, ' ').trim();
  return line.length > limit ? `${copyOf(line.slice(0, limit - 1))}…` : line;
}

/** A name of a path; never empty. */
export function cleanName(text: string): string {
  const name = cleanLine(text, MAX_NAME);
  return name === '' ? '(no name)' : name;
}

/** V8 keeps all of a string alive for a slice of it; this is one of its own. */
const copyOf = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');
