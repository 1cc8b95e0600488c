import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VmtestError } from '../../errors.js';
import { formatManifest, type Manifest } from '../store/manifest.js';
import { listTree } from '../testing/directory.js';
import { readPackage } from './read-package.js';
import { FILES, manifestOf, sha256Of } from './testing/image.js';
import { type Entry, tarballOf, tarOf } from './testing/tarball.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-package-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const IDENTITY = { name: 'micro', arch: 'x86_64', version: '1.0.0' } as const;
const MANIFEST = manifestOf('1.0.0');
const PACKAGE = { name: '@vmtest/image-micro-x86_64', version: '1.0.0' };

const packageJson = (value: unknown = PACKAGE): Entry => ({
  name: 'package/package.json',
  data: JSON.stringify(value),
});
const manifestJson = (manifest: Manifest = MANIFEST): Entry => ({
  name: 'package/manifest.json',
  data: formatManifest(manifest),
});
const blob = (data: string): Entry => ({ name: `package/blobs/${sha256Of(data)}`, data });
const BLOBS = [...new Set(Object.values(FILES))].map(blob);
const WHOLE = [packageJson(), manifestJson(), ...BLOBS];

async function read(tarball: Uint8Array, signal?: AbortSignal) {
  const path = join(root, 'package.tgz');
  const blobs = join(root, 'blobs');
  await rm(blobs, { recursive: true, force: true });
  await mkdir(blobs);
  await writeFile(path, tarball);
  return readPackage(path, blobs, IDENTITY, signal);
}

async function refusal(tarball: Uint8Array): Promise<VmtestError> {
  const error = await read(tarball).then(
    () => expect.unreachable('it was taken'),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(VmtestError);
  const { code, message } = error as VmtestError;
  expect(code).toBe('VMTEST_IMAGE');
  expect(message).toMatch(/^[^\p{C}]{1,500}$/u);
  expect(message).toContain('@vmtest/image-micro-x86_64@1.0.0');
  // Nothing but blobs, and nothing outside of the directory for them.
  expect((await readdir(root)).sort()).toEqual(['blobs', 'package.tgz']);
  for (const name of await listTree(join(root, 'blobs'))) expect(name).toMatch(/^[0-9a-f]{64}$/);
  return error as VmtestError;
}

const without = (name: string): Entry[] => WHOLE.filter((entry) => entry.name !== name);
const files = (change: (files: Manifest['files']) => unknown): Entry => {
  const manifest = structuredClone(MANIFEST);
  change(manifest.files);
  return manifestJson(manifest);
};

describe('a package', () => {
  it('gives the manifest to the byte, and where each file is', async () => {
    const { manifest, text, sources } = await read(await tarballOf(WHOLE));
    expect(manifest).toEqual(MANIFEST);
    expect(text.toString()).toBe(formatManifest(MANIFEST));
    expect([...sources.keys()].sort()).toEqual(Object.keys(FILES).sort());
    expect(await readdir(join(root, 'blobs'))).toHaveLength(3);
  });

  const bad: readonly (readonly [what: string, entries: () => Entry[], message: RegExp])[] = [
    ['is empty', () => [], /it has no manifest\.json/],
    ['has no manifest', () => [packageJson()], /it has no manifest\.json/],
    ['has no package.json', () => without('package/package.json'), /it has no package\.json/],
    ['has an absolute path', () => [...WHOLE, { name: '/etc/passwd', data: 'x' }], /"\/etc\/passwd", which is no part/],
    ['climbs', () => [...WHOLE, { name: 'package/../../x', data: 'x' }], /which is no part/],
    ['climbs to a blob', () => [...WHOLE, { name: `package/blobs/../${'a'.repeat(64)}`, data: 'x' }], /no part/],
    ['has another top', () => [...WHOLE, { name: 'image/x', data: 'x' }], /which is no part/],
    [
      'has a file more',
      () => [...WHOLE, { name: 'package/README.md', data: 'x' }],
      /"package\/README.md", which is no/,
    ],
    ['has a script', () => [...WHOLE, { name: 'package/install.js', data: 'x' }], /which is no part/],
    ['has a blob more', () => [...WHOLE, blob('more')], /which its manifest does not name/],
    ['has a blob less', () => WHOLE.slice(0, -1), /it lacks the blob of "modules\//],
    ['has a blob twice', () => [...WHOLE, BLOBS[0] as Entry], /twice/],
    ['has its manifest twice', () => [...WHOLE, manifestJson()], /twice/],
    ['has a blob before the manifest', () => [packageJson(), ...BLOBS, manifestJson()], /before its manifest\.json/],
    ['has a directory', () => [{ name: 'package/', type: 'directory' }, ...WHOLE], /no plain file \(directory\)/],
    [
      'has a link for a manifest',
      () => [packageJson(), { name: 'package/manifest.json', type: 'symlink', linkname: '/etc/passwd' }],
      /no plain file \(symlink\)/,
    ],
    [
      'has a link for a blob',
      () => [...WHOLE.slice(0, -1), { name: WHOLE.at(-1)?.name ?? '', type: 'symlink', linkname: '/dev/zero' }],
      /no plain file \(symlink\)/,
    ],
    [
      'has a hard link for a blob',
      () => [...WHOLE.slice(0, -1), { name: WHOLE.at(-1)?.name ?? '', type: 'link', linkname: '/etc/passwd' }],
      /no plain file \(hardlink\)/,
    ],
    [
      'has a device',
      () => [...WHOLE, { name: 'package/blobs/x', type: 'block-device', devmajor: 8, devminor: 0 }],
      /no plain file \(other\)/,
    ],
    ['has a pipe', () => [...WHOLE, { name: 'package/blobs/x', type: 'fifo' }], /no plain file \(other\)/],
    ['steers a terminal', () => [...WHOLE, { name: 'package/\x1b[2J', data: '' }], /\\u\{1b\}\[2J/],
    ['is that of another name', () => [packageJson({ ...PACKAGE, name: 'left-pad' })], /is not that of @vmtest/],
    ['is that of another version', () => [packageJson({ ...PACKAGE, version: '1.0.1' })], /of the version 1\.0\.0/],
    ['has a list for a package.json', () => [packageJson([])], /is not that of @vmtest/],
    ['has null for a package.json', () => [packageJson(null)], /is not that of @vmtest/],
    ['has no JSON', () => [{ name: 'package/package.json', data: 'x' }], /package\.json is no JSON/],
    [
      'has a huge package.json',
      () => [{ name: 'package/package.json', data: ' '.repeat(70_000) }],
      /longer than 64 KiB/,
    ],
    [
      'has a huge manifest',
      () => [packageJson(), { name: 'package/manifest.json', data: ' '.repeat(2 ** 22 + 1) }],
      /longer than 4096 KiB/,
    ],
    [
      'has a manifest that is not UTF-8',
      () => [packageJson(), { name: 'package/manifest.json', data: Buffer.from([0x22, 0xff, 0x22]) }],
      /not UTF-8/,
    ],
    ['has a manifest of no use', () => [{ name: 'package/manifest.json', data: '{}' }], /manifest of .* is not usable/],
    ['has the manifest of another', () => [manifestJson({ ...MANIFEST, name: 'other' })], /of the image "other"/],
    ['has the manifest of another machine', () => [manifestJson({ ...MANIFEST, arch: 'aarch64' })], /for aarch64/],
    ['has the manifest of another version', () => [manifestJson(manifestOf('2.0.0'))], /of the version "2\.0\.0"/],
    ['has a manifest without a version', () => [manifestJson(manifestOf('new'))], /of the version "new"/],
    [
      'says a size that is too small',
      () => [packageJson(), files((list) => Object.assign(list[1] ?? {}, { size: 1 })), ...BLOBS],
      /has not the 1 bytes/,
    ],
    [
      'says a size that is too large',
      () => [packageJson(), files((list) => Object.assign(list[1] ?? {}, { size: 2 ** 30 })), ...BLOBS],
      /has not the 1073741824 bytes/,
    ],
    [
      'says more bytes than any image has',
      () => [packageJson(), files((list) => Object.assign(list[1] ?? {}, { size: 2 ** 40 })), ...BLOBS],
      /come to more than 4 GiB/,
    ],
    [
      'says two sizes of a blob',
      () => [packageJson(), files((list) => Object.assign(list[2] ?? {}, { size: 7 })), ...BLOBS],
      /two sizes/,
    ],
    [
      'lies about a digest',
      () => [...WHOLE.slice(0, 2), { ...blob('the agent'), data: 'THE AGENT' }],
      /has the SHA-256 [0-9a-f]{64}/,
    ],
  ];
  it.each(bad)('is refused when it %s', async (_, entries, message) => {
    expect((await refusal(await tarballOf(entries()))).message).toMatch(message);
  });

  it('is refused when it is no tarball, is damaged, or ends too early', async () => {
    const tar = await tarOf(WHOLE);
    const tarball = gzipSync(tar);
    for (const data of [
      Buffer.alloc(0),
      Buffer.from('<html>sign in</html>'),
      Buffer.alloc(100_000, 1),
      tar,
      gzipSync(Buffer.alloc(10_000, 1)),
      tarball.subarray(0, 30),
      tarball.subarray(0, tarball.length / 2),
      gzipSync(tar.subarray(0, 1000)),
      gzipSync(tar.subarray(0, tar.length / 2)),
    ]) {
      await refusal(data);
    }
  });

  it('is refused for a bomb, of which little is unpacked', async () => {
    // 1 GiB of zeros in 1 MiB, by concatenated gzip members: an entry that nobody asked for, then in the place of a blob.
    const zeros = gzipSync(Buffer.alloc(2 ** 26));
    const bomb = async (name: string, before: Entry[]): Promise<Buffer> => {
      const header = (await tarOf([{ name, data: '' }])).subarray(0, 512);
      header.write('10000000000\0', 124);
      header.fill(' ', 148, 156);
      header.write(
        `${header
          .reduce((sum, byte) => sum + byte, 0)
          .toString(8)
          .padStart(6, '0')}\0 `,
        148,
      );
      const start = (await tarOf(before)).subarray(0, -1024);
      return Buffer.concat([gzipSync(start), gzipSync(header), ...Array.from({ length: 16 }, () => zeros)]);
    };
    expect((await refusal(await bomb('package/bomb', WHOLE.slice(0, 2)))).message).toMatch(/which is no part/);
    const inBlob = await bomb(BLOBS[1]?.name ?? '', WHOLE.slice(0, 2));
    expect((await refusal(inBlob)).message).toMatch(/has not the \d+ bytes/);
    expect((await refusal(await bomb('package/package.json', []))).message).toMatch(/longer than 64 KiB/);
  });

  it('is refused, whatever it is, with an error of its own', async () => {
    const tar = await tarOf(WHOLE);
    await fc.assert(
      fc.asyncProperty(fc.nat(3000), fc.uint8Array({ minLength: 1, maxLength: 40 }), async (at, noise) => {
        const spoilt = Buffer.from(tar);
        spoilt.set(noise, at);
        await read(gzipSync(spoilt)).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'VMTEST_IMAGE' });
        });
      }),
      { numRuns: 60 },
    );
  });

  it('is given up when it is asked to', async () => {
    const reason = new VmtestError('VMTEST_INTERRUPTED', 'interrupted');
    await expect(read(await tarballOf(WHOLE), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
