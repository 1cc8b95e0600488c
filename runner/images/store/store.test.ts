import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import type { Cache } from '../cache.js';
import { sha256 } from '../digest.js';
import { blobPath, checkBlob, putBlob } from './blobs.js';
import { findImage, listImages, pruneBlobs, putImage } from './images.js';
import { layOut } from './layout.js';
import { formatManifest, type Manifest, parseManifest } from './manifest.js';

let root: string;
let cache: Cache;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-store-'));
  cache = { root: join(root, 'cache'), cleanup: createCleanup() };
  await mkdir(join(root, 'in'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function input(name: string, data: string): Promise<string> {
  const path = join(root, 'in', name);
  await writeFile(path, data);
  return path;
}

const DIGEST = 'a'.repeat(64);
const MANIFEST: Manifest = {
  schema: 1,
  name: 'micro',
  version: '1',
  arch: 'x86_64',
  kernelRelease: '6.1.0-1-amd64',
  roles: { kernel: 'kernel', agent: 'agent' },
  files: [
    { path: 'agent', sha256: DIGEST, size: 5 },
    { path: 'kernel', sha256: DIGEST, size: 6 },
  ],
  parts: [{ name: 'linux', version: '6.1', licence: 'GPL-2.0-only', source: 'https://example.org/linux' }],
};

const withPath = (manifest: Record<string, unknown>, path: string): unknown =>
  Object.assign(manifest, { files: [{ path, sha256: DIGEST, size: 1 }] });

/** An image of two small files. */
async function putMicro(version = '1'): Promise<{ manifest: Manifest; digest: string }> {
  const sources = new Map([
    ['agent', await input('agent', `agent ${version}`)],
    ['kernel', await input('kernel', 'kernel')],
  ]);
  const files = await Promise.all(
    [...sources].map(async ([path, source]) => ({
      path,
      sha256: await sha256(source),
      size: (await readFile(source)).length,
    })),
  );
  const manifest: Manifest = { ...MANIFEST, version, files };
  return { manifest, digest: await putImage(cache, manifest, sources) };
}

describe('parseManifest', () => {
  it('reads what formatManifest wrote, in one order', () => {
    const text = formatManifest(MANIFEST);
    expect(parseManifest('it', text)).toEqual(MANIFEST);
    expect(formatManifest({ ...MANIFEST, files: [...MANIFEST.files].reverse() })).toBe(text);
  });

  const lies: readonly (readonly [string, (manifest: Record<string, unknown>) => void, RegExp])[] = [
    ['another schema', (m) => Object.assign(m, { schema: 2 }), /schema 2/],
    ['an unknown field', (m) => Object.assign(m, { script: 'rm' }), /"script"/],
    ['a name that climbs', (m) => Object.assign(m, { name: '../x' }), /no name/],
    ['an unknown architecture', (m) => Object.assign(m, { arch: 'mips' }), /"mips"/],
    ['no files', (m) => Object.assign(m, { files: 7 }), /files is no list/],
    ['an absolute path', (m) => Object.assign(m, { files: [{ path: '/etc', sha256: DIGEST, size: 1 }] }), /climbs out/],
    ['a path that climbs', (m) => Object.assign(m, { files: [{ path: 'a/../b', sha256: DIGEST, size: 1 }] }), /climbs/],
    [
      'a path twice',
      (m) => Object.assign(m, { files: [MANIFEST.files[0], MANIFEST.files[0], MANIFEST.files[1]] }),
      /twice/,
    ],
    [
      'a file as a directory',
      (m) => Object.assign(m, { files: [...MANIFEST.files, { path: 'kernel/x', sha256: DIGEST, size: 1 }] }),
      /through the file "kernel"/,
    ],
    ['a short digest', (m) => Object.assign(m, { files: [{ path: 'a', sha256: 'abc', size: 1 }] }), /SHA-256/],
    ['a negative size', (m) => Object.assign(m, { files: [{ path: 'a', sha256: DIGEST, size: -1 }] }), /size/],
    [
      'a role without a file',
      (m) => Object.assign(m, { roles: { kernel: 'x', agent: 'agent' } }),
      /not among its files/,
    ],
    ['a list as its schema', (m) => Object.assign(m, { schema: [[]] }), /the schema a list or an object/],
    ['a list as its architecture', (m) => Object.assign(m, { arch: [[]] }), /unknown architecture a list/],
    ['a list as its name', (m) => Object.assign(m, { name: [[]] }), /name is no text/],
    [
      'a key of every object',
      (m) => Object.defineProperty(m, '__proto__', { value: {}, enumerable: true }),
      /__proto__/,
    ],
    ['a name that steers a terminal', (m) => Object.assign(m, { name: 'a\u009b2J' }), /name has control characters/],
    ['a field that steers a terminal', (m) => Object.assign(m, { '\u202e\u001b[2J': 1 }), /"\\u\{202e\}\\u\{1b\}\[2J"/],
    ['a path that steers a terminal', (m) => withPath(m, 'a\u001b[2J'), /path has control characters/],
    ['a path with half a character', (m) => withPath(m, 'a\ud800'), /path has control characters/],
    ['a path that is too long', (m) => withPath(m, 'a/'.repeat(5000)), /path is longer than 1024 characters/],
    ['a path that is too deep', (m) => withPath(m, `${'a/'.repeat(100)}a`), /is deeper than 64/],
    ['a path with a name that no file can have', (m) => withPath(m, 'ä'.repeat(200)), /a name over 255 bytes/],
    ['a long name', (m) => Object.assign(m, { name: 'a'.repeat(65) }), /is no name of an image/],
    ['a release that is a path', (m) => Object.assign(m, { kernelRelease: '../..' }), /is no release of a kernel/],
    ['a release that is its directory', (m) => Object.assign(m, { kernelRelease: '..' }), /is no release of a kernel/],
    ['a version without an end', (m) => Object.assign(m, { version: '1'.repeat(5000) }), /version is longer than/],
    [
      'a huge list',
      (m) => Object.assign(m, { parts: Array.from({ length: 100_000 }, () => MANIFEST.parts[0]) }),
      /it is longer than 4 MiB/,
    ],
    [
      'a part without a licence',
      (m) => Object.assign(m, { parts: [{ name: 'a', version: '1', source: 's' }] }),
      /licence/,
    ],
  ];
  it.each(lies)('refuses %s', (_, spoil, message) => {
    const manifest = JSON.parse(formatManifest(MANIFEST)) as Record<string, unknown>;
    spoil(manifest);
    const text = JSON.stringify(manifest);
    expect(() => parseManifest('it', text)).toThrow(message);
    expect(() => parseManifest('it', text)).toThrow(/the manifest of it is not usable/);
    expect(() => parseManifest('it', text)).toThrow(/^[^\p{C}]{1,400}$/u);
  });

  it.each(['schema', 'arch', 'name', 'files'])('refuses what nests without an end as its %s', (field) => {
    const { [field as 'name']: _, ...rest } = MANIFEST;
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
    const text = `${JSON.stringify(rest).slice(0, -1)},"${field}":${deep}}`;
    expect(() => parseManifest('it', text)).toThrow(expect.objectContaining({ code: 'VMTEST_IMAGE' }));
  });

  it('refuses any other value with an error of its own', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(() => parseManifest('it', text)).toThrow(expect.objectContaining({ code: 'VMTEST_IMAGE' }));
      }),
    );
  });
});

describe('blobs', () => {
  it('stores a file once, read-only, under its digest', async () => {
    const path = await input('a', 'hello');
    const [first, second] = await Promise.all([putBlob(cache, path), putBlob(cache, path)]);
    expect(first).toEqual({ sha256: await sha256(path), size: 5 });
    expect(second).toEqual(first);
    expect(await readdir(join(cache.root, 'blobs'))).toEqual([first.sha256]);
    expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
    expect(await checkBlob(cache, first)).toBe(blobPath(cache, first.sha256));
  });

  it('sets a blob aside that is not what its name says', async () => {
    const blob = await putBlob(cache, await input('a', 'hello'));
    const path = blobPath(cache, blob.sha256);
    await chmod(path, 0o644);
    await writeFile(path, 'HELLO');
    expect(await checkBlob(cache, blob)).toBeUndefined();
    expect(await readdir(join(cache.root, 'blobs'))).toEqual([]);
    expect(await readdir(join(cache.root, 'bad'))).toHaveLength(1);
    expect(await putBlob(cache, await input('a', 'hello'))).toEqual(blob);
    expect(await checkBlob(cache, blob)).toBe(path);
  });

  it('keeps a blob whose size was asked for wrongly: another image may need it', async () => {
    const blob = await putBlob(cache, await input('a', 'hello'));
    expect(await checkBlob(cache, { ...blob, size: 4 })).toBeUndefined();
    expect(await checkBlob(cache, blob)).toBe(blobPath(cache, blob.sha256));
  });

  it('takes a file that nobody may write, and moves one that it was given', async () => {
    const path = await input('a', 'hello');
    await chmod(path, 0o444);
    const blob = await putBlob(cache, path);
    expect(await putBlob(cache, path, { move: true })).toEqual(blob);
    await expect(readFile(path)).rejects.toThrow('ENOENT');
    expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
  });

  it('makes an old blob young when it is put again, so that it outlives a prune', async () => {
    const path = await input('a', 'hello');
    const blob = await putBlob(cache, path);
    const old = new Date(Date.now() - 7_200_000);
    await utimes(blobPath(cache, blob.sha256), old, old);
    await putBlob(cache, path);
    expect(await pruneBlobs(cache)).toEqual({ files: 0, bytes: 0 });
    expect(await checkBlob(cache, blob)).toBeDefined();
  });

  it('says where the cache is when it cannot be written', async () => {
    await writeFile(join(root, 'file'), '');
    const path = await input('a', 'hello');
    const wrong: Cache = { root: join(root, 'file'), cleanup: cache.cleanup };
    await expect(putBlob(wrong, path)).rejects.toMatchObject({ code: 'VMTEST_CACHE' });
  });

  it('replaces a damaged blob when it is put again', async () => {
    const path = await input('a', 'hello');
    const blob = await putBlob(cache, path);
    await chmod(blobPath(cache, blob.sha256), 0o644);
    await writeFile(blobPath(cache, blob.sha256), 'HELLO!');
    await putBlob(cache, path);
    expect(await readFile(blobPath(cache, blob.sha256), 'utf8')).toBe('hello');
  });

  it('sets a blob aside that was cut', async () => {
    const blob = await putBlob(cache, await input('a', 'hello'));
    await chmod(blobPath(cache, blob.sha256), 0o644);
    await writeFile(blobPath(cache, blob.sha256), 'hel');
    expect(await checkBlob(cache, blob)).toBeUndefined();
  });
});

describe('images', () => {
  it('finds what was put, and lists it', async () => {
    expect(await findImage(cache, 'micro', 'x86_64')).toBeUndefined();
    expect(await listImages(cache)).toEqual([]);
    const { manifest, digest } = await putMicro();
    const image = await findImage(cache, 'micro', 'x86_64', { thorough: true });
    expect(image?.manifest).toEqual(manifest);
    expect(image?.digest).toBe(digest);
    expect(await readFile(image?.pathOf('kernel') ?? '', 'utf8')).toBe('kernel');
    expect(await findImage(cache, 'micro', 'aarch64')).toBeUndefined();
    expect(await findImage(cache, '../micro', 'x86_64')).toBeUndefined();
    expect(await listImages(cache)).toEqual([{ name: 'micro', arch: 'x86_64' }]);
  });

  it('is the same image when it is put again', async () => {
    const first = await putMicro();
    expect((await putMicro()).digest).toBe(first.digest);
    expect(await readdir(join(cache.root, 'blobs'))).toHaveLength(3);
  });

  it('is not there when a file of it is damaged, and whole again when it is put again', async () => {
    const { manifest } = await putMicro();
    const [file] = manifest.files;
    await rm(blobPath(cache, file?.sha256 ?? ''));
    expect(await findImage(cache, 'micro', 'x86_64')).toBeUndefined();
    await putMicro();
    expect(await findImage(cache, 'micro', 'x86_64')).toBeDefined();
  });

  it('refuses a name that stands for another image', async () => {
    await putMicro();
    const reference = await readFile(join(cache.root, 'images/micro/x86_64.json'));
    await mkdir(join(cache.root, 'images/other'));
    await writeFile(join(cache.root, 'images/other/x86_64.json'), reference);
    await expect(findImage(cache, 'other', 'x86_64')).rejects.toThrow(/stands for the image micro \(x86_64\)/);
  });

  it('keeps the bytes of a manifest that was written elsewhere', async () => {
    const { manifest } = await putMicro();
    const text = Buffer.from(JSON.stringify(manifest));
    const sources = new Map(manifest.files.map(({ path }) => [path, join(root, 'in', path)]));
    const digest = await putImage(cache, manifest, sources, { text });
    expect(await readFile(blobPath(cache, digest))).toEqual(text);
    expect((await findImage(cache, 'micro', 'x86_64'))?.manifest).toEqual(manifest);
  });

  it('is not there when its name was torn', async () => {
    await putMicro();
    await writeFile(join(cache.root, 'images/micro/x86_64.json'), '{"manif');
    expect(await findImage(cache, 'micro', 'x86_64')).toBeUndefined();
  });

  it('is not there when its name is no file', async () => {
    await putMicro();
    const path = join(cache.root, 'images/micro/x86_64.json');
    await rm(path);
    await execa('mkfifo', [path]);
    expect(await findImage(cache, 'micro', 'x86_64')).toBeUndefined();
  });

  it('is found by its digest when its name has moved on', async () => {
    const { digest } = await putMicro('1');
    await putMicro('2');
    const found = await findImage(cache, 'micro', 'x86_64', { digest: digest.slice(0, 12) });
    expect(found?.manifest.version).toBe('1');
    expect((await findImage(cache, 'micro', 'x86_64'))?.manifest.version).toBe('2');
    expect(await findImage(cache, 'micro', 'aarch64', { digest })).toBeUndefined();
    expect(await findImage(cache, 'micro', 'x86_64', { digest: '0'.repeat(12) })).toBeUndefined();
  });

  it('is laid out again when a link is gone or leads elsewhere', async () => {
    await putMicro();
    const image = await findImage(cache, 'micro', 'x86_64');
    if (image === undefined) throw new Error('not there');
    const directory = await layOut(cache, image);
    await rm(join(directory, 'kernel'));
    expect(await readFile(join(await layOut(cache, image), 'kernel'), 'utf8')).toBe('kernel');
    await rm(join(directory, 'agent'));
    await symlink('/etc/hostname', join(directory, 'agent'));
    expect(await readFile(join(await layOut(cache, image), 'agent'), 'utf8')).toBe('agent 1');
  });

  it('says that the store cannot be read, and does not call it empty', async () => {
    await mkdir(cache.root);
    await writeFile(join(cache.root, 'images'), '');
    await expect(listImages(cache)).rejects.toThrow(/cannot use the cache: ENOTDIR/);
  });

  it('keeps the files of a manifest that it cannot read', async () => {
    const { digest } = await putMicro();
    const newer = (await readFile(blobPath(cache, digest), 'utf8')).replace('"schema": 1', '"schema": 2');
    const { sha256: manifest, size } = await putBlob(cache, await input('newer', newer));
    await writeFile(join(cache.root, 'images/micro/x86_64.json'), JSON.stringify({ manifest, size }));
    const old = new Date(Date.now() - 7_200_000);
    for (const name of await readdir(join(cache.root, 'blobs'))) await utimes(blobPath(cache, name), old, old);
    expect((await pruneBlobs(cache)).files).toBe(1);
    expect((await readdir(join(cache.root, 'blobs'))).length).toBe(3);
  });

  it('refuses a manifest that lies about a file', async () => {
    const kernel = await input('kernel', 'kernel');
    const sources = new Map([
      ['agent', kernel],
      ['kernel', kernel],
    ]);
    await expect(putImage(cache, MANIFEST, sources)).rejects.toThrow(/its manifest lies: agent is/);
    expect(await listImages(cache)).toEqual([]);
  });

  it('prunes what no image refers to, when it is old enough to be no half-written image', async () => {
    await putMicro('1');
    await putMicro('2');
    expect(await pruneBlobs(cache)).toEqual({ files: 0, bytes: 0 });
    const old = new Date(Date.now() - 7_200_000);
    for (const name of await readdir(join(cache.root, 'blobs'))) await utimes(blobPath(cache, name), old, old);
    const { files } = await pruneBlobs(cache);
    expect(files).toBe(2);
    expect((await findImage(cache, 'micro', 'x86_64'))?.manifest.version).toBe('2');
  });
});
