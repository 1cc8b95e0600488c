/** One line of TAP 13, TAP 14 or KTAP 1, without its indentation, to a value. Pure. */

export interface Directive {
  word: 'skip' | 'todo' | 'xfail' | 'timeout' | 'error';
  reason: string;
}

export interface TestPoint {
  kind: 'point';
  ok: boolean;
  number?: number;
  /** Without its escapes. */
  name: string;
  directive?: Directive;
  /** What kselftest's runner says beside the directives: `exit=1`. */
  note?: string;
  durationMs?: number;
}

export type TapLine =
  | { kind: 'version' }
  | { kind: 'plan'; count: number; skipReason?: string }
  | TestPoint
  | { kind: 'subtest'; name: string }
  | { kind: 'bail'; reason: string }
  | { kind: 'pragma' }
  | { kind: 'comment'; text: string }
  | { kind: 'other' };

const OTHER: TapLine = { kind: 'other' };

export function parseTapLine(text: string): TapLine {
  // Most lines are output of something else; the first character tells.
  switch (text[0]) {
    case '#': {
      const subtest = /^#\s*Subtest: (.*)$/s.exec(text);
      if (subtest !== null) return { kind: 'subtest', name: unescaped(subtest[1] ?? '').trim() };
      return { kind: 'comment', text: text.replace(/^# ?/, '') };
    }
    case 'o':
    case 'n':
      return parsePoint(text);
    case '1':
      return parsePlan(text);
    case 'T':
    case 'K':
      return /^K?TAP version \d+\s*$/.test(text) ? { kind: 'version' } : OTHER;
    case 'B':
    case 'b': {
      const bail = /^Bail out!\s*(.*)$/is.exec(text);
      return bail === null ? OTHER : { kind: 'bail', reason: (bail[1] ?? '').trim() };
    }
    case 'p':
      return /^pragma [+-]\w/.test(text) ? { kind: 'pragma' } : OTHER;
    default:
      return OTHER;
  }
}

function parsePlan(text: string): TapLine {
  const match = /^1\.\.(\d{1,15})\s*(?:#\s*(.*))?$/s.exec(text);
  if (match === null) return OTHER;
  const count = Number(match[1]);
  if (count > 0) return { kind: 'plan', count };
  // TAP 14 has the reason with and without the word.
  return { kind: 'plan', count, skipReason: (match[2] ?? '').replace(/^skip\w*[:\s]*/i, '').trim() };
}

function parsePoint(text: string): TapLine {
  const start = /^(not )?ok(?:$|\s+)/.exec(text);
  if (start === null) return OTHER;
  const point: TestPoint = { kind: 'point', ok: start[1] === undefined, name: '' };
  let rest = text.slice(start[0].length);
  const number = /^(\d{1,15})(?:$|\s+)/.exec(rest);
  if (number !== null) {
    point.number = Number(number[1]);
    rest = rest.slice(number[0].length);
  }
  rest = rest.replace(/^-\s+|^-$/, '');
  return { ...point, ...splitDirective(rest) };
}

/** A `#` after white space; a backslash before it takes its meaning away by standing in between. */
function splitDirective(rest: string): Pick<TestPoint, 'name' | 'directive' | 'note' | 'durationMs'> {
  const match = /(?:^|\s)#\s*(?:(skip|todo|xfail|timeout|error)(?!\w*=)\w*[:\s]*|(?=exit=|time=))(.*)$/is.exec(rest);
  if (match === null) return { name: unescaped(rest).trim() };
  const name = unescaped(rest.slice(0, match.index)).trim();
  const said = (match[2] ?? '').trim();
  const word = match[1];
  if (word === undefined) {
    const time = /^time=(\d+(?:\.\d+)?)(ms|s)?$/.exec(said);
    return time === null ? { name, note: said } : { name, durationMs: Number(time[1]) * (time[2] === 's' ? 1000 : 1) };
  }
  const directive = { word: word.toLowerCase() as Directive['word'], reason: said };
  // These words are KTAP's, in capitals; a name may well say "# error path".
  const isKtap = directive.word !== 'skip' && directive.word !== 'todo';
  return isKtap && word !== word.toUpperCase() ? { name: unescaped(rest).trim() } : { name, directive };
}

/** TAP 14, "Escaping": a backslash before `#` and before itself. */
const unescaped = (text: string): string => (text.includes('\\') ? text.replace(/\\([#\\])/g, '$1') : text);
