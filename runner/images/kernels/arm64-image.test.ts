import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import type { Cache } from '../cache.js';
import { makeArm64Image, makeZboot } from '../testing/arm64-image.js';
import { makeBzImage, makeElf } from '../testing/bzimage.js';
import { prepareKernel } from './kernel.js';
import { parseKernelFile } from './kernel-file.js';

const BANNER = 'Linux version 6.9.1-arm (me@here) #1 SMP';
const TEXT = BANNER.padStart(50_000, '.');
const image = makeArm64Image(TEXT);

describe('parseKernelFile', () => {
  const parse = (data: Buffer, size = data.length) => parseKernelFile('k', data, size);

  it('reads where an arm64 Image wants to be', () => {
    const data = makeArm64Image('', { textOffset: 0x80000n, imageSize: 0x200000n });
    expect(parse(data)).toEqual({
      format: 'arm64-image',
      arch: 'aarch64',
      textOffset: 0x80000,
      imageSize: 0x200000,
    });
  });

  it('takes one that is a PE program, whole', () => {
    expect(parse(makeArm64Image(TEXT, { pe: true }))).toMatchObject({ format: 'arm64-image' });
  });

  it.each([
    ['big-endian', makeArm64Image('', { flags: 1n })],
    ['without a size', makeArm64Image('', { imageSize: 0n })],
    ['damaged arm64 Image: its header says 64 bytes', makeArm64Image('', { imageSize: 64n })],
    ['damaged arm64 Image', makeArm64Image('', { imageSize: 2n ** 63n })],
    ['damaged arm64 Image', makeArm64Image('', { textOffset: 2n ** 63n })],
    ['truncated arm64 Image', makeArm64Image('').subarray(0, 60)],
    ['truncated arm64 Image: 50000 bytes of 54096', makeArm64Image(TEXT, { pe: true }).subarray(0, 50_000)],
    ['truncated EFI zboot image', makeZboot(gzipSync(image)).subarray(0, 600)],
    ['truncated EFI zboot image', makeZboot(Buffer.alloc(0))],
    ['not a Linux kernel', makeZboot(gzipSync(image)).subarray(0, 20)],
  ])('refuses what is %s', (reason, data) => {
    expect(() => parse(data)).toThrow(new RegExp(`^kernel k: is (a |an )?.*${reason}`));
  });

  it('tells of any bytes what they are, or why they are no kernel', () => {
    const starts = [
      image,
      makeArm64Image(TEXT, { pe: true }),
      makeZboot(gzipSync(image)),
      makeBzImage({ payload: image }),
      makeElf(BANNER),
    ];
    const damaged = fc
      .tuple(fc.constantFrom(...starts), fc.nat(4096), fc.array(fc.tuple(fc.nat(1023), fc.nat(255)), { maxLength: 8 }))
      .map(([start, length, changes]) => {
        const data = Buffer.from(start.subarray(0, length));
        for (const [at, byte] of changes) if (at < data.length) data[at] = byte;
        return data;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array().map(Buffer.from)), fc.nat(1 << 20), (data, more) => {
        try {
          parse(data, data.length + more);
        } catch (error) {
          if (!(error instanceof VmtestError)) throw error;
        }
      }),
    );
  });
});

describe('prepareKernel', () => {
  let directory: string;
  let cache: Cache;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vmtest-arm64-'));
    cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function file(name: string, data: Uint8Array): Promise<string> {
    await writeFile(join(directory, name), data);
    return join(directory, name);
  }
  const zstd = async (data: Uint8Array) =>
    (await execa('zstd', ['-c', '-q'], { input: data, encoding: 'buffer' })).stdout;

  it('takes an Image as it is', async () => {
    const path = await file('Image', image);
    expect(await prepareKernel(cache, path, { arch: 'aarch64' })).toEqual({
      path,
      label: path,
      arch: 'aarch64',
      release: '6.9.1-arm',
    });
  });

  it.each([
    ['gzip', async () => gzipSync(image)],
    ['zstd', async () => zstd(image)],
    ['zboot with gzip', async () => makeZboot(gzipSync(image), 'gzip')],
    ['zboot with zstd', async () => makeZboot(await zstd(image))],
    ['zboot in gzip', async () => gzipSync(makeZboot(await zstd(image)))],
  ])('unpacks one in %s, once', async (_, make) => {
    const path = await file('Image.packed', await make());
    const kernel = await prepareKernel(cache, path, { arch: 'aarch64' });
    expect(kernel).toMatchObject({ label: path, arch: 'aarch64', release: '6.9.1-arm' });
    expect((await readFile(kernel.path)).equals(image)).toBe(true);
    expect(await prepareKernel(cache, path, { arch: 'aarch64' })).toEqual(kernel);
  });

  it('unpacks a packed bzImage down to its vmlinux', async () => {
    const vmlinux = makeElf(BANNER);
    const path = await file('bzImage.gz', gzipSync(makeBzImage({ payload: gzipSync(vmlinux), release: '6.9.1-x' })));
    const kernel = await prepareKernel(cache, path, { arch: 'x86_64' });
    expect(kernel).toMatchObject({ label: path, arch: 'x86_64', release: '6.9.1-x' });
    expect((await readFile(kernel.path)).equals(vmlinux)).toBe(true);
  });

  it('sees that the file changed', async () => {
    const path = await file('Image.gz', gzipSync(image));
    await prepareKernel(cache, path, { arch: 'aarch64' });
    await file('Image.gz', gzipSync(makeArm64Image(BANNER.replace('6.9.1', '6.9.2'))));
    expect((await prepareKernel(cache, path, { arch: 'aarch64' })).release).toBe('6.9.2-arm');
  });

  it.each([
    ['is built for aarch64, and the guest is to be x86_64', async () => gzipSync(image)],
    ['cannot be unpacked: damaged gzip data', async () => gzipSync(image).subarray(0, -8)],
    ['cannot be unpacked: damaged zstd data', async () => (await zstd(image)).subarray(0, -8)],
    ['is not a Linux kernel', async () => gzipSync(Buffer.from('a text'))],
    ['is empty', async () => gzipSync(Buffer.alloc(0))],
    ['is compressed too many times', async () => gzipSync(gzipSync(gzipSync(image)))],
    ['holds a kernel in an unknown compression', async () => makeZboot(Buffer.alloc(99))],
  ])('%s', async (reason, make) => {
    const path = await file('kernel', await make());
    await expect(prepareKernel(cache, path, { arch: 'x86_64' })).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringContaining(`kernel ${path}: ${reason}`),
    });
  });
});
