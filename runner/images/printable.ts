/**
 * Text from outside (a package, a registry), fit to stand in a message: short, and without characters that are not
 * seen, move a terminal's cursor or turn its text around. `limit`: how many UTF-16 units are kept.
 */
export function printable(text: string, limit = 120): string {
  const short = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return short.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** The same in quotation marks. */
export const quotedText = (text: string): string => `"${printable(text)}"`;
