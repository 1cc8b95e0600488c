import { describe, expect, test } from 'vitest';
import { plain } from '../results/plain.js';
import { skippedLines } from './copy-report.js';
import { parseCopies } from './copy-spec.js';

const sides = (specs: { source: string; destination: string }[] | undefined) =>
  specs?.map(({ source, destination }) => [source, destination]);

describe('--copy-in', () => {
  test.each([
    ['a:/b', 'a', '/b'],
    ['./a b/*.c:/usr/src/', './a b/*.c', '/usr/src/'],
    ['a:b:/c', 'a:b', '/c'],
    ['C:/x:/y', 'C:/x', '/y'],
    ['a:/b:c', 'a', '/b:c'],
    ['a:/b\\:/c', 'a', '/b:/c'],
    ['a\\:b:/c', 'a\\:b', '/c'],
  ])('%s', (text, source, destination) => {
    expect(sides(parseCopies({ copyIn: [text] }).copyIn)).toEqual([[source, destination]]);
  });

  test.each([':/b', 'a:', 'a', 'a:b', '', ':', '/a', 'a\0:/b', `a:/${'x'.repeat(5000)}`])('refuses %s', (text) => {
    expect(() => parseCopies({ copyIn: [text] })).toThrow(
      expect.objectContaining({ code: 'VMTEST_USAGE', message: expect.stringContaining('--copy-in') }),
    );
  });
});

describe('--copy-out', () => {
  test.each([
    ['/a:b', '/a', 'b'],
    ['/a/*.log:.', '/a/*.log', '.'],
    ['/a:b:c', '/a', 'b:c'],
    ['/sys/0000\\:00\\:01.0/config:x', '/sys/0000\\:00\\:01.0/config', 'x'],
    ['/a:/b/', '/a', '/b/'],
  ])('%s', (text, source, destination) => {
    expect(sides(parseCopies({ copyOut: [text] }).copyOut)).toEqual([[source, destination]]);
  });

  test.each([':b', '/a:', '/a', 'a:b', '', '/a\\:b', '/a\0:b'])('refuses %s', (text) => {
    expect(() => parseCopies({ copyOut: [text] })).toThrow(
      expect.objectContaining({ code: 'VMTEST_USAGE', message: expect.stringContaining('--copy-out') }),
    );
  });
});

test('neither flag, no copies', () => {
  expect(parseCopies({})).toEqual({});
});

test('what was left out: ten lines, and nothing of a guest moves the cursor', () => {
  const skipped = Array.from({ length: 12 }, (_, index) => ({ path: `/a\n${index}`, reason: 'fifo' }));
  const lines = skippedLines(skipped);
  expect(lines).toHaveLength(11);
  expect(lines[0]).toBe('left out /a\\x0a0: fifo');
  expect(lines[10]).toBe('and 2 more');
  expect(skippedLines(skipped.slice(0, 10))).toHaveLength(10);
  expect(plain('\x1b[2Jé\u0085\u2028')).toBe('\\x1b[2Jé\\x85\\u2028');
});
