import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelMatcher, wildcard } from './labels.js';

describe('wildcard', () => {
  it.each([
    ['cloud', 'cloud', true],
    ['cloud', 'clouds', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['c*d', 'cd', true],
    ['c*d', 'cloud', true],
    ['c*d', 'c', false],
    ['cd*dc', 'cdc', false],
    ['*5.1*', '5.15', true],
    ['a.c', 'abc', false],
    ['a**c', 'abc', true],
    ['*a*b*', 'xbxaxx', false],
    ['[x]', 'x', false],
  ])('%s and "%s": %s', (pattern, text, fits) => expect(wildcard(pattern)(text)).toBe(fits));

  it('agrees with a regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (pattern, text) => {
        const source = pattern.split('*').map((part) => part.replaceAll('.', '\\.'));
        expect(wildcard(pattern)(text)).toBe(new RegExp(`^${source.join('.*')}$`).test(text));
      }),
    );
  });

  it('is fast where nothing fits', () => {
    expect(wildcard(`${'*a'.repeat(1000)}*b`)('a'.repeat(100_000))).toBe(false);
  });
});

describe('labelMatcher', () => {
  const cell = { kernel: 'cloud', memory: '512M' };
  it.each([
    [{}, true],
    [{ kernel: ['generic', 'clo*'] }, true],
    [{ kernel: ['cloud'], memory: ['1G'] }, false],
    [{ arch: ['*'] }, false],
    [{ constructor: ['*'] }, false],
    [{ kernel: [] }, false],
  ])('%j: %s', (pattern, fits) => expect(labelMatcher(pattern)(cell)).toBe(fits));
});
