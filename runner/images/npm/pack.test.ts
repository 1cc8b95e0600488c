import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import type { Cache } from '../cache.js';
import { blobPath } from '../store/blobs.js';
import { packImage } from './pack.js';
import { readPackage } from './read-package.js';
import { FILES, putMicro, sha256Of } from './testing/image.js';

let root: string;
let cache: Cache;
let out: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-pack-'));
  cache = { root: join(root, 'cache'), cleanup: createCleanup() };
  out = join(root, 'out');
  await mkdir(out);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('packImage', () => {
  it('writes a package that is read as the same image', async () => {
    const image = await putMicro(cache);
    const path = await packImage(cache, image, { out });
    expect(path).toBe(join(out, 'vmtest-image-micro-x86_64-1.0.0.tgz'));
    const blobs = join(root, 'blobs');
    await mkdir(blobs);
    const { manifest, text } = await readPackage(path, blobs, { name: 'micro', arch: 'x86_64', version: '1.0.0' });
    expect(manifest).toEqual(image.manifest);
    expect(sha256Of(text)).toBe(image.digest);
  });

  it('writes what npm wants first, each file once, and nothing that says when or by whom', async () => {
    const path = await packImage(cache, await putMicro(cache), { out });
    const archive = createReadStream(path).pipe(createGunzip()).pipe(extract());
    const names: string[] = [];
    for await (const entry of archive) {
      const { name, mtime, uid, gid, uname, mode, type } = entry.header;
      names.push(name);
      expect({ uid, gid, uname, mode, type }).toEqual({ uid: 0, gid: 0, uname: '', mode: 0o644, type: 'file' });
      expect(mtime?.toISOString()).toBe('1985-10-26T08:15:00.000Z');
      entry.resume();
    }
    const blobs = [...new Set(Object.values(FILES).map((data) => `package/blobs/${sha256Of(data)}`))].sort();
    expect(names).toEqual(['package/package.json', 'package/manifest.json', ...blobs]);
  });

  it('gives equal bytes for equal images', async () => {
    const first = await readFile(await packImage(cache, await putMicro(cache), { out }));
    const other: Cache = { ...cache, root: join(root, 'other') };
    const second = await readFile(await packImage(other, await putMicro(other), { out }));
    expect(second.equals(first)).toBe(true);
  });

  it('makes a version for npm, or says that there is none', async () => {
    expect(await packImage(cache, await putMicro(cache, '2'), { out })).toMatch(/-2\.0\.0\.tgz$/);
    await expect(packImage(cache, await putMicro(cache, 'new'), { out })).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringContaining('"new" is not MAJOR.MINOR.PATCH'),
    });
  });

  it('refuses a directory that is none', async () => {
    const image = await putMicro(cache);
    await writeFile(join(root, 'file'), '');
    for (const [path, message] of [
      [join(root, 'none'), /none does not exist/],
      [join(root, 'file'), /file is not a directory/],
    ] as const) {
      await expect(packImage(cache, image, { out: path })).rejects.toThrow(message);
    }
  });

  it('leaves nothing when it is stopped or a blob is gone', async () => {
    const image = await putMicro(cache);
    const reason = new VmtestError('VMTEST_INTERRUPTED', 'interrupted');
    await expect(packImage(cache, image, { out, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await rm(blobPath(cache, sha256Of(FILES['kernel'] ?? '')));
    await expect(packImage(cache, image, { out })).rejects.toMatchObject({ code: 'VMTEST_PACK' });
    expect(await readdir(out)).toEqual([]);
  });
});
