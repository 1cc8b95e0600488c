import { describe, expect, test } from 'vitest';
import { isPattern, nameMatcher, unquote } from './glob-pattern.js';

test.each([
  ['/a/b.c', false],
  ['/a/*.c', true],
  ['/a?/b', true],
  ['/a/[bc]', true],
  ['/a/[bc', false],
  ['/a/\\*', false],
  ['/a/\\[b]', false],
  ['/a/[\\]]', true],
  ['/a[b/c]d', false],
])('%s is a pattern: %s', (path, pattern) => {
  expect(isPattern(path)).toBe(pattern);
});

test('quotes come off', () => {
  expect(unquote('/0000\\:00\\:01.0/a\\*b\\\\c\\')).toBe('/0000:00:01.0/a*b\\c\\');
});

describe('a name fits', () => {
  test.each([
    ['*', 'a', true],
    ['*', '.a', false],
    ['.*', '.a', true],
    ['*.log', 'x.log', true],
    ['*.log', 'xlog', false],
    ['*.log', 'x.log.1', false],
    ['?.log', '.log', false],
    ['[!a]*', 'b', true],
    ['[!a]*', '.b', false],
    ['[^a]', 'a', false],
    ['[]x]', ']', true],
    ['[a-c-]', '-', true],
    ['[z-a]', 'm', false],
    ['[[:digit:][:upper:]]', 'Q', true],
    ['[[:digit:]]', 'q', false],
    ['[[:nonsense:]]', 'n', false],
    ['[.]a', '.a', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b?', 'axbc', false],
    ['(a|b)*', 'a', false],
    ['{a,b}*', '{a,b}c', true],
    ['!*', '!x', true],
    ['a+$^*', 'a+$^.', true],
    ['*', 'a\nb', true],
  ])('%s: %s %s', (pattern, name, fits) => {
    expect(nameMatcher(`/dir/${pattern}`)(Buffer.from(name))).toBe(fits);
  });

  test('by bytes, as the agent compares', () => {
    expect(nameMatcher('/?')(Buffer.from('é'))).toBe(false);
    expect(nameMatcher('/??')(Buffer.from('é'))).toBe(true);
    expect(nameMatcher('/*')(Buffer.from([0xff, 0xfe]))).toBe(true);
  });

  test('a slash at the end is no name', () => {
    expect(nameMatcher('/a/b*/')(Buffer.from('bc'))).toBe(true);
  });
});
