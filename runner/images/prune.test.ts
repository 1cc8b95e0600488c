import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createCleanup } from '../cleanup.js';
import { findPackageRoot } from '../installation.js';
import { type Cache, cached } from './cache.js';
import { pruneDerived } from './prune.js';
import { putBlob } from './store/blobs.js';

let root: string;
let cache: Cache;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-prune-'));
  cache = { root, cleanup: createCleanup() };
});
afterEach(() => rm(root, { recursive: true, force: true }));

it('removes what can be made again, and keeps the images', async () => {
  await writeFile(join(root, 'file'), 'a blob');
  const { sha256 } = await putBlob(cache, join(root, 'file'));
  for (const key of ['one', 'two']) {
    await cached(cache, 'vmlinux', key, (directory) => writeFile(join(directory, 'vmlinux'), 'x'));
  }
  expect(await pruneDerived(cache)).toBeGreaterThanOrEqual(2);
  expect(await readdir(root)).not.toContain('vmlinux');
  expect(await readFile(join(root, 'blobs', sha256), 'utf8')).toBe('a blob');
  expect(await readdir(join(root, 'tmp'))).toEqual([]);
  expect(await pruneDerived(cache)).toBe(0);
});

it('knows every kind of entry there is', async () => {
  const sources = await readdir(join(findPackageRoot(), 'runner/images'), { recursive: true });
  const kinds = new Set<string>();
  for (const source of sources.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))) {
    const text = await readFile(join(findPackageRoot(), 'runner/images', source), 'utf8');
    for (const [, kind] of text.matchAll(/\bcached\(\s*\w+,\s*'([\w-]+)'/g)) kinds.add(kind ?? '');
  }
  expect(kinds.size).toBeGreaterThan(5);
  const known = await readFile(join(findPackageRoot(), 'runner/images/prune.ts'), 'utf8');
  expect([...kinds].filter((kind) => !known.includes(`'${kind}'`))).toEqual([]);
});
