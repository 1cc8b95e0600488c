/** Where something of a configuration stands in a program. A guess, and none at all when there is a doubt. Pure. */
import type { ConfigPath } from '../plan/config-problem.js';

/** The line of `key: value`, if there is exactly one in the code; `path` leads to it from `root`. */
export function lineInSource(source: string, path: ConfigPath, root: unknown): number | undefined {
  const key = path.at(-1);
  const code = withoutComments(source);
  if (typeof key !== 'string' || code === undefined) return undefined;
  const value = path.reduce<unknown>(
    (at, each) => (typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[each] : undefined),
    root,
  );
  const name = `(?:(?<![\\w$.])${escaped(key)}|'${escaped(key)}'|"${escaped(key)}")`;
  const pattern = new RegExp(`${name}\\s*:\\s*${literal(value)}`, 'g');
  const found = [...code.text.matchAll(pattern)].filter(
    ({ index }) => !code.strings.some(([from, to]) => index > from && index < to),
  );
  const [only] = found;
  return only === undefined || found.length > 1 ? undefined : code.text.slice(0, only.index).split('\n').length;
}

/** How the value may be written; a name or an expression may stand for it, so anything fits what is no literal. */
function literal(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `${escaped(String(value))}(?![\\w.])`;
  if (typeof value === 'string') return `(['"\`])${escaped(value)}\\1`;
  return '';
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

interface Code {
  /** Of the same length and lines. */
  text: string;
  /** From their first quote to their last. */
  strings: [from: number, to: number][];
}

/** Undefined when it cannot be told: a slash or a quote may be part of something else. */
function withoutComments(source: string): Code | undefined {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|['"`]|\/\*/g;
  const strings: Code['strings'] = [];
  let sure = true;
  const text = source.replace(token, (found, offset: number) => {
    if (found === "'" || found === '"' || found === '`' || found === '/*') sure = false;
    if (found.startsWith("'") || found.startsWith('"')) strings.push([offset, offset + found.length - 1]);
    // What a template has in it may look like code.
    return /^\/[/*]/.test(found) || found.startsWith('`') ? found.replace(/[^\n]/g, ' ') : found;
  });
  return sure ? { text, strings } : undefined;
}
