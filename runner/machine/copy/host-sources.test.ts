import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planHostPattern } from './host-pattern.js';
import { findHostSources } from './host-sources.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-copy-'));
  await mkdir(join(root, 'd/e'), { recursive: true });
  await mkdir(join(root, 'one/x'), { recursive: true });
  await mkdir(join(root, 'two/x'), { recursive: true });
  for (const name of ['a.txt', 'b.txt', '.hidden', 'x[1]', 'y(1)', '!z', '*', 'd/e/f.txt', 'd/.h', 'd/g.c']) {
    await writeFile(join(root, name), name);
  }
  await symlink('a.txt', join(root, 'link'));
  await symlink('d', join(root, 'linked'));
  await symlink('nowhere', join(root, 'dangling'));
  await symlink('..', join(root, 'd/up'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
});
afterAll(() => rm(root, { recursive: true }));

async function found(pattern: string): Promise<string[]> {
  const { sources } = await findHostSources(`${root}/${pattern}`);
  return sources.map(({ path }) => path.slice(root.length + 1));
}

describe('a pattern', () => {
  test.each<[string, string[]]>([
    ['?.txt', ['a.txt', 'b.txt']],
    ['[!b]*.txt', ['a.txt']],
    ['[[:lower:]].txt', ['a.txt', 'b.txt']],
    ['.h*', ['.hidden']],
    ['x\\[*', ['x[1]']],
    ['y(*)', ['y(1)']],
    ['!*', ['!z']],
    ['\\**', ['*']],
    ['l*', ['link', 'linked']],
    ['d*/*.c', ['d/g.c']],
    ['l*/*.c', ['linked/g.c']],
    ['**/*.txt', ['a.txt', 'b.txt', 'd/e/f.txt']],
    ['d/**', ['d/e', 'd/g.c', 'd/up']],
    ['d/**/f*', ['d/e/f.txt']],
    ['**/f.txt', ['d/e/f.txt']],
    ['[dl]*/', ['d', 'linked']],
    ['./d/./e/*', ['d/e/f.txt']],
    ['d/../?.txt', ['d/../a.txt', 'd/../b.txt']],
  ])('%s', async (pattern, paths) => {
    const { sources } = await findHostSources(`${root}/${pattern}`);
    const strip = (path: string): string => path.slice(root.length + 1).replace(/^\.\/|(?<=\/)\.\//g, '');
    expect(sources.map(({ path }) => strip(path))).toEqual(paths);
  });

  test('has neither braces nor groups', async () => {
    for (const pattern of ['{a,b}.t*', '(a|b).t*', '@(a).t*', '+(a).t*']) {
      await expect(found(pattern)).rejects.toMatchObject({ code: 'VMTEST_BAD_INPUT' });
    }
  });

  test('reports what is neither a file nor a directory', async () => {
    const { sources, skipped } = await findHostSources(join(root, '[df]*'));
    expect(sources).toEqual([{ path: join(root, 'd'), kind: 'directory' }]);
    expect(skipped).toEqual(
      ['dangling', 'fifo'].map((name) => ({ path: join(root, name), reason: 'neither a file nor a directory' })),
    );
  });

  test.each([
    ['no*', /nothing on the host fits/],
    ['no/such/*', /nothing on the host fits/],
    ['fif*', /no file or directory on the host fits/],
    ['*/x', /one\/x and .*two\/x have the same name/],
    ['d*/../x', /cannot stand behind a wildcard/],
    ['back\\\\slash/*', /backslash/],
  ])('%s is refused', async (pattern, message) => {
    await expect(found(pattern)).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringMatching(message),
    });
  });

  test('relative ones are searched here', () => {
    expect(planHostPattern('*.c')).toMatchObject({ base: '.', crawl: '*.c' });
    expect(planHostPattern('../a b/[ab]?/')).toMatchObject({ base: '../a b', crawl: '??', onlyDirectories: true });
    expect(planHostPattern('/*')).toMatchObject({ base: '/', crawl: '*' });
  });
});

describe('a path', () => {
  test('that exists is no pattern', async () => {
    expect(await found('x[1]')).toEqual(['x[1]']);
    expect(await found('*')).toEqual(['*']);
  });

  test('may be a link', async () => {
    expect(await findHostSources(join(root, 'linked'))).toEqual({
      sources: [{ path: join(root, 'linked'), kind: 'directory' }],
      fromPattern: false,
      skipped: [],
    });
  });

  test.each([
    ['none', /does not exist/],
    ['a.txt/none', /cannot be looked at|does not exist/],
    ['dangling', /does not exist/],
    ['fifo', /neither a file nor a directory/],
    ['n'.repeat(300), /cannot be looked at/],
  ])('%s is refused', async (path, message) => {
    await expect(found(path)).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringMatching(message),
    });
  });

  test('is not searched for once the run is given up', async () => {
    await expect(findHostSources(join(root, '*.txt'), { signal: AbortSignal.abort() })).rejects.toThrow('abort');
  });
});
