import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import type { Cache } from '../cache.js';
import { sha256 } from '../digest.js';
import { prepareRoot, type RootRequest } from './root.js';
import { dockerFiles, makeTar, ociFiles, type TestEntry, type TestImage } from './testing/archives.js';

let directory: string;
let cache: Cache;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-roots-'));
  cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function file(name: string, data: Uint8Array | string): Promise<string> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
  return path;
}

const prepare = (path: string, more: Partial<RootRequest> = {}) => prepareRoot(cache, { path, ...more });

/** Modes, owners, sizes (but of directories) or device numbers, and paths, as `unsquashfs` lists them. */
async function listing(image: string): Promise<string[]> {
  const { stdout } = await execa('unsquashfs', ['-lln', image]);
  return stdout
    .split('\n')
    .filter((line) => line.includes('squashfs-root'))
    .map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d squashfs-root/, '').replace(/ +/g, ' '))
    .map((line) => (line.startsWith('d') ? line.replace(/ \d+ /, ' ') : line));
}
const contentOf = async (image: string, path: string): Promise<string> =>
  (await execa('unsquashfs', ['-cat', image, path], { stripFinalNewline: false })).stdout;

async function expectNothingLeft(): Promise<void> {
  expect(await readdir(join(cache.root, 'roots')).catch(() => [])).toEqual([]);
  expect(await readdir(join(cache.root, 'tmp')).catch(() => [])).toEqual([]);
}

const ENTRIES: TestEntry[] = [
  { name: './', flag: '5', mode: 0o750 },
  { name: './bin/', flag: '5' },
  { name: './bin/tool', data: 'the tool', mode: 0o4755, uid: 1000, gid: 100 },
  { name: 'bin/other', flag: '1', target: './bin/tool' },
  { name: 'link', flag: '2', target: '/proc/self' },
  { name: 'dev/console', flag: '3', major: 5, minor: 1, mode: 0o600 },
  { name: 'pipe', flag: '6' },
  { name: 'twice', data: 'first' },
  { name: 'twice', data: 'second' },
  { name: '.wh.kept', data: 'a name like others' },
  { name: 'x', data: 'long', pax: { path: `${'ő'.repeat(60)}/${'n'.repeat(200)}` } },
  { name: 'y', flag: '2', pax: { linkpath: `/${'../up/'.repeat(40)}` } },
];

describe('a tarball', () => {
  it('keeps owners, modes, devices, links and long names', async () => {
    const root = await prepare(await file('root.tar', makeTar(ENTRIES)));
    expect(root).toMatchObject({ fstype: 'squashfs', label: join(directory, 'root.tar'), writable: false });
    expect(await listing(root.path)).toEqual([
      'drwxr-x--- 0/0 ',
      '-rw-r--r-- 0/0 18 /.wh.kept',
      'drwxr-xr-x 0/0 /bin',
      '-rwsr-xr-x 1000/100 8 /bin/other',
      '-rwsr-xr-x 1000/100 8 /bin/tool',
      'drwxr-xr-x 0/0 /dev',
      'crw------- 0/0 5, 1 /dev/console',
      'lrwxrwxrwx 0/0 10 /link -> /proc/self',
      'prw-r--r-- 0/0 0 /pipe',
      '-rw-r--r-- 0/0 6 /twice',
      `lrwxrwxrwx 0/0 241 /y -> /${'../up/'.repeat(40)}`,
      `drwxr-xr-x 0/0 /${'ő'.repeat(60)}`,
      `-rw-r--r-- 0/0 4 /${'ő'.repeat(60)}/${'n'.repeat(200)}`,
    ]);
    expect(await contentOf(root.path, 'twice')).toBe('second');
    expect(await contentOf(root.path, 'bin/other')).toBe('the tool');
  });

  it.each([
    ['gzip', ['-c']],
    ['xz', ['-c']],
    ['zstd', ['-cq']],
    ['bzip2', ['-c']],
  ])('may be compressed with %s, and gives the same image', async (tool, args) => {
    const plain = await prepare(await file('root.tar', makeTar(ENTRIES)));
    const { stdout } = await execa(tool, args, { input: makeTar(ENTRIES), encoding: 'buffer' });
    const root = await prepare(await file(`root.tar.${tool}`, stdout));
    expect(await sha256(root.path)).toBe(await sha256(plain.path));
    const cut = await file('cut', stdout.subarray(0, stdout.length - 12));
    await expect(prepare(cut)).rejects.toThrow(new RegExp(`root .*cut: is damaged ${tool} data: `));
  });
});

const base: Buffer = makeTar([
  { name: 'etc/', flag: '5' },
  { name: 'etc/gone', data: 'x' },
  { name: 'etc/kept', data: 'lower' },
  { name: 'opt/', flag: '5' },
  { name: 'opt/hidden', data: 'x' },
  { name: 'tree/deep/file', data: 'x' },
  { name: 'a', data: 'shared' },
  { name: 'b', flag: '1', target: 'a' },
]);
const upper: Buffer = makeTar([
  { name: 'opt/new', data: 'n' },
  { name: 'opt/.wh..wh..opq' },
  { name: 'etc/.wh.gone' },
  { name: 'etc/kept', data: 'upper' },
  { name: 'tree', data: 'now a file' },
  { name: 'a', data: 'replaced' },
  { name: '.wh..wh.plnk', flag: '5' },
]);
const IMAGE: TestImage = {
  layers: [base, upper],
  tags: ['registry.test/app:1.0'],
  config: { Env: ['A=b'], Entrypoint: ['/bin/app'], Cmd: ['run'], WorkingDir: '/srv', User: 'app' },
};
const MERGED = [
  'drwxr-xr-x 0/0 ',
  '-rw-r--r-- 0/0 8 /a',
  '-rw-r--r-- 0/0 6 /b',
  'drwxr-xr-x 0/0 /etc',
  '-rw-r--r-- 0/0 5 /etc/kept',
  'drwxr-xr-x 0/0 /opt',
  '-rw-r--r-- 0/0 1 /opt/new',
  '-rw-r--r-- 0/0 10 /tree',
];
const CONFIG = { env: ['A=b'], entrypoint: ['/bin/app'], cmd: ['run'], workingDir: '/srv', user: 'app' };

describe('a container image', () => {
  it.each([
    ['docker save', dockerFiles([IMAGE])],
    ['an OCI archive', ociFiles([IMAGE])],
    ['both in one', [...ociFiles([IMAGE]), ...dockerFiles([IMAGE])]],
  ])('%s: layers are applied in order, with their whiteouts', async (_, files) => {
    const root = await prepare(await file('image.tar', makeTar(files)));
    expect(root).toMatchObject({ fstype: 'squashfs', config: CONFIG });
    expect(await listing(root.path)).toEqual(MERGED);
    expect(await contentOf(root.path, 'etc/kept')).toBe('upper');
    expect(await contentOf(root.path, 'b')).toBe('shared');
    expect(await prepare(join(directory, 'image.tar'))).toEqual(root);
  });

  it('may be compressed as a whole, or a directory', async () => {
    const { stdout } = await execa('zstd', ['-cq'], { input: makeTar(ociFiles([IMAGE])), encoding: 'buffer' });
    const archive = await prepare(await file('image.tar.zst', stdout));
    for (const { name, data } of ociFiles([IMAGE])) await file(`layout/${name}`, data ?? '');
    const layout = await prepare(join(directory, 'layout'));
    expect(layout.config).toEqual(CONFIG);
    expect(await sha256(layout.path)).toBe(await sha256(archive.path));
    expect(await readdir(dirname(archive.path))).toEqual(['.seal', 'config.json', 'root.img']);
  });

  it('is chosen by name where there are several, and by platform', async () => {
    const other: TestImage = { layers: [upper], tags: ['registry.test/app:2.0'] };
    const foreign: TestImage = { layers: [base], tags: ['registry.test/app:1.0'], architecture: 'arm64' };
    for (const [name, files] of Object.entries({
      docker: dockerFiles([IMAGE, other]),
      oci: ociFiles([foreign, IMAGE, other]),
    })) {
      const path = await file(name, makeTar(files));
      const names = 'registry.test/app:1.0, registry.test/app:2.0';
      await expect(prepare(path)).rejects.toThrow(
        `root ${path}: holds several images; choose one with --root ${path}:NAME, of ${names}`,
      );
      await expect(prepare(`${path}:3.0`)).rejects.toThrow(`holds no image 3.0; it has ${names}`);
      expect(await listing((await prepare(`${path}:1.0`)).path)).toEqual(MERGED);
      expect(await listing((await prepare(`${path}:registry.test/app:2.0`)).path)).not.toEqual(MERGED);
    }
    const path = await file('arm', makeTar(ociFiles([foreign])));
    await expect(prepare(path)).rejects.toThrow('has no image for linux/amd64, only for linux/arm64');
    expect((await prepareRoot(cache, { path }, { arch: 'aarch64' })).config).toBeDefined();
    const both = await file('both', makeTar(ociFiles([foreign, { ...IMAGE, layers: [upper] }])));
    const [ours, theirs] = [await prepare(both), await prepareRoot(cache, { path: both }, { arch: 'aarch64' })];
    expect(await listing(ours.path)).not.toEqual(await listing(theirs.path));
  });

  const change = (files: TestEntry[], match: RegExp, data: (before: string) => string | Buffer): TestEntry[] =>
    files.map((entry) => {
      return match.test(entry.name)
        ? { ...entry, data: data(Buffer.from(entry.data ?? '').toString('latin1')) }
        : entry;
    });
  const layerPath = /layer.tar$/;
  it.each<[string, TestEntry[], RegExp]>([
    ['a layer that is another', change(dockerFiles([IMAGE]), layerPath, () => upper), /the layer .* is damaged/],
    ['a layer that is gone', dockerFiles([IMAGE]).filter(({ name }) => !layerPath.test(name)), /lacks the layer/],
    [
      'a damaged configuration',
      change(dockerFiles([IMAGE]), /[0-9a-f]\.json$/, (b) => `${b} `),
      /the configuration is/,
    ],
    [
      'a layer under the name of another',
      ociFiles([IMAGE]).map((e, i, all) => (i === 2 ? { ...e, data: Buffer.from(all[2]?.data ?? '').reverse() } : e)),
      /the layer is damaged: its digest is/,
    ],
    [
      'a size that lies',
      change(ociFiles([IMAGE]), /index/, (b) => b.replace(/"size":\d+/, '"size":5')),
      /has \d+ bytes, not 5/,
    ],
    [
      'a digest that is a path',
      change(ociFiles([IMAGE]), /index/, (b) => b.replace(/sha256:\w+/, '../../etc/passwd')),
      /without a valid digest/,
    ],
    ['no image', ociFiles([]), /holds no image/],
    ['an index that is no JSON', change(ociFiles([IMAGE]), /index/, () => 'nonsense'), /index.json is not JSON/],
  ])('%s is told', async (_, files, message) => {
    const error = await prepare(await file('image.tar', makeTar(files))).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'VMTEST_BAD_INPUT', message: expect.stringMatching(message) });
    await expectNothingLeft();
  });
});
