import { describe, expect, test } from 'vitest';
import { type CopyDestination, type CopySource, nameOf, place, withoutNested } from './place.js';

const file = (path: string): CopySource => ({ path, kind: 'file' });
const directory = (path: string): CopySource => ({ path, kind: 'directory' });
const to = (path: string, kind: CopyDestination['kind'], asDirectory = false): CopyDestination => ({
  path,
  kind,
  asDirectory,
});
const targets = (sources: CopySource[], fromPattern: boolean, destination: CopyDestination): string[] =>
  place(sources, fromPattern, destination).map(({ target }) => target);

describe('one source', () => {
  test.each<[string, CopySource, CopyDestination, string]>([
    ['a file to a new name', file('a/x'), to('/d', 'missing'), '/d'],
    ['a file onto a file', file('x'), to('/d', 'file'), '/d'],
    ['a file into a directory', file('a/x'), to('/d', 'directory'), '/d/x'],
    ['a file into a directory to be made', file('x'), to('/d', 'missing', true), '/d/x'],
    ['a file into the root', file('x'), to('/', 'directory', true), '/x'],
    ['a directory under a new name', directory('a/t'), to('/d', 'missing'), '/d'],
    ['a directory into a directory', directory('a/t/'), to('/d', 'directory'), '/d/t'],
    ['a directory into one to be made', directory('t'), to('/d', 'missing', true), '/d/t'],
    ['the contents of a directory', directory('t/.'), to('/d', 'directory'), '/d'],
    ['the contents of the current directory', directory('.'), to('/d', 'directory', true), '/d'],
    ['the contents of the root', directory('/'), to('/d', 'directory'), '/d'],
  ])('%s', (_name, source, destination, target) => {
    expect(targets([source], false, destination)).toEqual([target]);
  });

  test.each<[string, CopySource, CopyDestination]>([
    ['a directory onto a file', directory('t'), to('/d', 'file')],
    ['a file into a file', file('x'), to('/d', 'file', true)],
    ['anything onto a device', file('x'), to('/d', 'other')],
  ])('refused: %s', (_name, source, destination) => {
    expect(() => place([source], false, destination)).toThrow(
      expect.objectContaining({ code: 'VMTEST_COPY', message: expect.stringContaining('/d') }),
    );
  });
});

describe('what fits a pattern', () => {
  test('goes into a directory, also when it is one and there is none yet', () => {
    expect(targets([file('a/x')], true, to('/d', 'missing'))).toEqual(['/d/x']);
    expect(targets([file('a/x'), directory('a/t')], true, to('/d', 'directory'))).toEqual(['/d/x', '/d/t']);
  });

  test('does not go onto a file', () => {
    expect(() => place([file('x')], true, to('/d', 'file'))).toThrow(/goes into a directory/);
  });

  test('has different names', () => {
    expect(() => place([file('a/x'), file('b/x')], true, to('/d', 'missing'))).toThrow(
      'a/x and b/x would both become /d/x',
    );
  });
});

test('the last name of a path', () => {
  expect(['a/b', 'a/b//', 'a', '/', '.', 'a/.', 'a/..', ''].map(nameOf)).toEqual([
    'b',
    'b',
    'a',
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('what a directory holds goes with it', () => {
  const sources = [directory('a'), file('a/b'), directory('a/c'), file('a/c/d'), file('ab'), file('b/a')];
  expect(withoutNested(sources).map(({ path }) => path)).toEqual(['a', 'ab', 'b/a']);
});
