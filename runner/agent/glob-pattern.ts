/** Patterns of file names as glob(7) has them: `*`, `?`, `[...]`, and a backslash that takes a meaning away. Pure. */

/** A part of one path component. */
export type PatternToken =
  | { kind: 'text'; text: string }
  | { kind: 'star' }
  | { kind: 'one' }
  /** `body` is the inside of a class of a regular expression. */
  | { kind: 'set'; negated: boolean; body: string };

/** POSIX's character classes, for bytes in the C locale. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-/:-@\\[-`{-~',
  space: ' \\t-\\r',
  upper: 'A-Z',
  xdigit: 'A-Fa-f0-9',
};

/** One component of a pattern in its parts. A bracket that is not closed stands for itself. */
export function tokenize(component: string): PatternToken[] {
  const tokens: PatternToken[] = [];
  const addText = (text: string): void => {
    const last = tokens.at(-1);
    if (last?.kind === 'text') last.text += text;
    else tokens.push({ kind: 'text', text });
  };
  for (let at = 0; at < component.length; ) {
    const sign = component.charAt(at);
    const set = sign === '[' ? readSet(component, at) : undefined;
    if (set !== undefined) {
      tokens.push(set.token);
      at = set.end;
      continue;
    }
    at += 1;
    if (sign === '*') {
      tokens.push({ kind: 'star' });
    } else if (sign === '?') {
      tokens.push({ kind: 'one' });
    } else if (sign === '\\' && at < component.length) {
      addText(component.charAt(at));
      at += 1;
    } else {
      addText(sign);
    }
  }
  return tokens;
}

/** The set that begins at `start`. A `]` that comes first in it is one of its signs. */
function readSet(text: string, start: number): { token: PatternToken; end: number } | undefined {
  let at = start + 1;
  const negated = text[at] === '!' || text[at] === '^';
  if (negated) at += 1;
  const first = at;
  let body = '';
  while (at < text.length && (text[at] !== ']' || at === first)) {
    const named = /^\[:(\w+):\]/.exec(text.slice(at));
    if (named !== null) {
      const signs = CLASSES[named[1] ?? ''];
      if (signs === undefined) return undefined;
      body += signs;
      at += named[0].length;
      continue;
    }
    const low = readSign(text, at);
    at = low.end;
    const isRange = text[at] === '-' && at + 1 < text.length && text[at + 1] !== ']';
    const high = isRange ? readSign(text, at + 1) : low;
    at = high.end;
    // A range that runs backwards has nothing in it.
    if (low.sign <= high.sign) body += isRange ? `${quoted(low.sign)}-${quoted(high.sign)}` : quoted(low.sign);
  }
  if (text[at] !== ']') return undefined;
  return { token: { kind: 'set', negated, body }, end: at + 1 };
}

function readSign(text: string, at: number): { sign: string; end: number } {
  const isQuoted = text[at] === '\\' && at + 1 < text.length;
  const sign = text.charAt(isQuoted ? at + 1 : at);
  return { sign, end: at + (isQuoted ? 2 : 1) };
}

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Whether a path has anything but names in it. Quotes alone do not make a pattern. */
export function isPattern(path: string): boolean {
  return path.split('/').some((component) => tokenize(component).some(({ kind }) => kind !== 'text'));
}

/** A path that is no pattern, without its quotes. */
export function unquote(path: string): string {
  return path.replace(/\\(.)/gs, '$1');
}

/** The source of a regular expression for one component; a leading dot has to be written. */
export function componentSource(component: string): string {
  const tokens = tokenize(component);
  const dotless = tokens[0] !== undefined && tokens[0].kind !== 'text';
  return `${dotless ? '(?!\\.)' : ''}${tokens.map(tokenSource).join('')}`;
}

function tokenSource(token: PatternToken): string {
  if (token.kind === 'text') return quoted(token.text);
  if (token.kind === 'star') return '[^/]*';
  if (token.kind === 'one') return '[^/]';
  // Empty after a range that ran backwards: then nothing fits, or everything.
  if (token.negated) return `[^/${token.body}]`;
  return token.body === '' ? '(?!)' : `[${token.body}]`;
}

/** Tells whether a name fits the last component of a pattern. Both are compared as bytes, as the agent does. */
export function nameMatcher(pattern: string): (name: Buffer) => boolean {
  const bytes = Buffer.from(pattern).toString('latin1');
  const last = bytes.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const expression = new RegExp(`^${componentSource(last)}$`, 's');
  return (name) => expression.test(name.toString('latin1'));
}
