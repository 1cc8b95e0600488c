/** Any text, made into text that XML 1.0 can carry. Pure. */
import { cleanText } from '../../results/clean-text.js';

/** UTF-16 units of one text of the report: its first and its last half. */
export const MAX_XML_TEXT = 32 * 1024;
/** Of one attribute. */
const MAX_XML_LINE = 2000;

/**
 * Lines without colours; what XML forbids, controls and lone surrogates, is U+FFFD. Colours go first: the rest of a
 * sequence whose ESC is gone would be text. Of a text that is too long the middle is left out, with a line that says
 * where the whole is.
 */
export function xmlText(text: string, whole?: string): string {
  if (text.length <= MAX_XML_TEXT) return cleanText(text);
  const half = MAX_XML_TEXT / 2;
  const where = whole === undefined ? '' : `; the whole is in ${whole}`;
  const gap = `\n[... ${text.length - MAX_XML_TEXT} characters left out${where} ...]\n`;
  return cleanText(text.slice(0, half) + gap + text.slice(-half));
}

/** The same on one line, for an attribute. */
export function xmlLine(text: string): string {
  const line = cleanText(text.slice(0, 4 * MAX_XML_LINE))
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > MAX_XML_LINE ? cleanText(`${line.slice(0, MAX_XML_LINE - 1)}…`) : line;
}

/** A CDATA section of what `xmlText` gave; `]]>`, which would end it, is divided between two. */
export const cdata = (text: string): string => `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
