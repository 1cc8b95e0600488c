import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEntryPath } from './entry-path.js';

describe('parseEntryPath', () => {
  it.each([
    ['./', []],
    ['.', []],
    ['./a//b/./c/', ['a', 'b', 'c']],
    ['...', ['...']],
    ['..a/b..', ['..a', 'b..']],
    ['c:\\d', ['c:\\d']],
  ])('%j', (name, names) => expect(parseEntryPath(name)).toEqual(names));

  it.each(['/', '/a', '//a', '..', '../a', 'a/..', 'a/../b', './../a', 'a\0b', 'a\ufffd', 'x'.repeat(256)])(
    'refuses %j',
    (name) => expect(parseEntryPath(name)).toHaveProperty('refused'),
  );

  const part = fc.oneof(fc.constantFrom('', '.', '..', 'a', '...', '\0'), fc.string());
  const names = fc.oneof(
    fc.string(),
    fc.array(part).map((parts) => parts.join('/')),
  );
  it('gives names that stay below the root, whatever it is given', () => {
    fc.assert(
      fc.property(names, (name) => {
        const parsed = parseEntryPath(name);
        if ('refused' in parsed) return;
        for (const one of parsed) {
          expect(['', '.', '..']).not.toContain(one);
          expect(one).not.toMatch(/[/\0]/);
        }
        expect(parseEntryPath(parsed.join('/'))).toEqual(parsed);
      }),
    );
  });
});
