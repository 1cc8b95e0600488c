import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../cleanup.js';
import { type Cache, cached, cacheRoot, keyOf } from './cache.js';
import { fileDigest, sha256 } from './digest.js';

let root: string;
let cache: Cache;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-cache-'));
  cache = { root, cleanup: createCleanup() };
});
afterEach(() => rm(root, { recursive: true, force: true }));

const fill = (text: string) => (directory: string) => writeFile(join(directory, 'it'), text);
const contentOf = (directory: string) => readFile(join(directory, 'it'), 'utf8');

describe('cacheRoot', () => {
  it('follows the variables in their order', () => {
    expect(cacheRoot({ VMTEST_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
    expect(cacheRoot({ XDG_CACHE_HOME: '/b' })).toBe('/b/vmtest');
    expect(cacheRoot({ XDG_CACHE_HOME: 'relative', VMTEST_CACHE: '' })).toMatch(/^\/.*\/\.cache\/vmtest$/);
  });
});

describe('cached', () => {
  it('makes an entry once', async () => {
    expect(await contentOf(await cached(cache, 'kind', 'key', fill('one')))).toBe('one');
    expect(await contentOf(await cached(cache, 'kind', 'key', fill('two')))).toBe('one');
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('leaves nothing when making it fails', async () => {
    const failing = cached(cache, 'kind', 'key', async (directory) => {
      await fill('half')(directory);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(root)).toEqual(['tmp']);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('makes an entry again whose main file is not as it was made', async () => {
    const path = join(root, 'kind', 'key', 'it');
    const make = (text: string) => cached(cache, 'kind', 'key', fill(text), 'it');
    expect(await contentOf(await make('one'))).toBe('one');
    expect(await contentOf(await make('two'))).toBe('one');
    // As long as before: only its time tells.
    await writeFile(path, 'bad');
    expect(await contentOf(await make('three'))).toBe('three');
    await rm(path);
    expect(await contentOf(await make('four'))).toBe('four');
    await rm(join(root, 'kind', 'key', '.seal'));
    expect(await contentOf(await make('five'))).toBe('five');
  });

  it('lets many make the same entry at once, and all get the same one', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => cached(cache, 'kind', 'key', fill(`${i}`))));
    expect(new Set(made).size).toBe(1);
    expect(new Set(await Promise.all(made.map(contentOf))).size).toBe(1);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('sweeps what a dead process left, and only that', async () => {
    const { stdout: pid } = await execa('sh', ['-c', 'echo $$']);
    const old = new Date(Date.now() - 86_400_000);
    for (const name of [`${pid}-dead`, `${process.pid}-alive`, 'other', `${pid}-young`]) {
      await mkdir(join(root, 'tmp', name), { recursive: true });
      if (!name.endsWith('young')) await utimes(join(root, 'tmp', name), old, old);
    }
    await cached(cache, 'kind', 'key', fill('x'));
    expect((await readdir(join(root, 'tmp'))).sort()).toEqual([`${process.pid}-alive`, `${pid}-young`, 'other'].sort());
  });

  it('works without writing where the cache is read only, and cleans up', async () => {
    const found = await cached(cache, 'kind', 'there', fill('there'));
    // Nobody can make a directory there, root neither.
    const readOnly: Cache = { root: '/sys/kernel', cleanup: createCleanup() };
    const made = await cached(readOnly, 'kind', 'missing', fill('made'));
    expect(await contentOf(made)).toBe('made');
    expect(await contentOf(found)).toBe('there');
    await readOnly.cleanup[Symbol.asyncDispose]();
    await expect(readdir(made)).rejects.toThrow('ENOENT');
  });

  it('says which directory cannot be used', async () => {
    await writeFile(join(root, 'file'), '');
    const broken = { ...cache, root: join(root, 'file', 'cache') };
    await expect(cached(broken, 'kind', 'key', fill('x'))).rejects.toThrow(/cannot use the cache .*file\/cache/);
  });
});

describe('fileDigest', () => {
  it('is the SHA-256, remembered only for a file that is at rest', async () => {
    const path = join(root, 'data');
    await writeFile(path, 'abc');
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(await sha256(path)).toBe(digest);
    expect(await fileDigest(cache, path)).toBe(digest);
    expect(await readdir(root)).not.toContain('digests');
    await writeFile(path, 'abd');
    expect(await fileDigest(cache, path)).not.toBe(digest);
    expect(await fileDigest(cache, '/usr/bin/env')).toBe(await sha256('/usr/bin/env'));
    expect(await readdir(join(root, 'digests'))).toHaveLength(1);
    expect(await fileDigest(cache, '/usr/bin/env')).toBe(await sha256('/usr/bin/env'));
  });
});

describe('keyOf', () => {
  it('tells values apart', () => {
    expect(keyOf('a', ['b'])).not.toBe(keyOf('a', 'b'));
    expect(keyOf('ab', '')).not.toBe(keyOf('a', 'b'));
    expect(keyOf(1, null)).toBe(keyOf(1, null));
  });
});
