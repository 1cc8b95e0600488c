/** Values in messages. Pure. */

const LONGEST = 60;

/** In one line, without what would confuse a terminal, cut when it is long. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number' || value === undefined) return String(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle, or a bigint.
  }
  text ??= typeof value === 'bigint' ? `${value}n` : `a ${typeof value}`;
  // JSON leaves DEL, C1 controls and the separators of lines alone.
  text = text.replace(/[\x7f-\x9f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 4)} ...`;
}
