import { describe, expect, it } from 'vitest';
import { lineInSource } from './line-in-source.js';

/** The line of `retries` with the value 1.5. */
const lineOf = (source: string, value: unknown = 1.5) => lineInSource(source, ['retries'], { retries: value });

describe('lineInSource', () => {
  it.each([
    ['a\n  retries: 1.5,', 2],
    ["a\n\n'retries' : 1.5", 3],
    ['"retries":1.5', 1],
    ['retries:\n  1.5', 1],
    ['url: "http://x", retries: 1.5', 1],
    ['a: "/*", b: 1,\nretries: 1.5 // "*/', 2],
  ])('finds %j', (source, line) => expect(lineOf(source)).toBe(line));

  it.each([
    ['twice', 'retries: 1.5\nretries: 1.5'],
    ['another value', 'retries: 1.55'],
    ['another key', 'myretries: 1.5, $retries: 1.5, a.retries: 1.5'],
    ['a comment', '// retries: 1.5'],
    ['a long comment', '/*\n retries: 1.5\n*/'],
    ['a template', '`\nretries: 1.5`'],
    ['a text', 'run: "echo retries: 1.5"'],
    ['a computed value', 'retries: 3 / 2'],
    ['a quote that ends nowhere', "const a = /'/;\nretries: 1.5"],
    ['a comment that ends nowhere', 'retries: 1.5 /* '],
  ])('has no opinion of %s', (_, source) => expect(lineOf(source)).toBeUndefined());

  it('compares texts, and takes any value that is no literal', () => {
    expect(lineOf("retries: 'a/b'", 'a/b')).toBe(1);
    expect(lineOf("retries: 'a/b'", 'a.b')).toBeUndefined();
    expect(lineOf('x\nretries: [1, 2]', [1, 2])).toBe(2);
    expect(lineInSource('a: [1.5]', ['a', 0], { a: [1.5] })).toBeUndefined();
  });
});
