import { describe, expect, it } from 'vitest';
import { printable, quotedText } from './printable.js';

describe('printable', () => {
  it.each([
    ['plain text, ünïcode 日本', 'plain text, ünïcode 日本'],
    ['\x1b[2Jgone', '\\u{1b}[2Jgone'],
    ['a\nb\u2028c', 'a\\u{a}b\\u{2028}c'],
    ['\u202etxt.exe', '\\u{202e}txt.exe'],
    ['\u009b31m', '\\u{9b}31m'],
    ['\ud800', '\\u{d800}'],
    ['x'.repeat(500), `${'x'.repeat(120)}…`],
  ])('shows %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(quotedText(text)).toBe(`"${shown}"`);
  });
});
