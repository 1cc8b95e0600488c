import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import type { Cache } from '../cache.js';
import { makeArm64Image } from '../testing/arm64-image.js';
import { makeBzImage, makeElf } from '../testing/bzimage.js';
import { prepareKernel as prepare } from './kernel.js';

const prepareKernel = (cache: Cache, path: string) => prepare(cache, path, { arch: 'x86_64' });

let directory: string;
let cache: Cache;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-kernel-'));
  cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
});
afterEach(async () => {
  await cache.cleanup[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function file(name: string, data: Uint8Array | string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, data);
  return path;
}

const vmlinux = makeElf('Linux version 6.9.1-test (me@here) #1 SMP'.padStart(100_000, '.'));

function withSize(compressed: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(vmlinux.length);
  return Buffer.concat([compressed, size]);
}

const TOOLS: [string, string[]][] = [
  ['xz', ['--check=crc32', '--x86', '--lzma2=dict=1MiB', '-c']],
  ['xz', ['--format=lzma', '-c']],
  ['bzip2', ['-c']],
  ['zstd', ['-c', '-q']],
  ['lz4', ['-l', '-c', '-q', '-']],
];

describe('prepareKernel', () => {
  it.each(TOOLS)('unpacks a bzImage that %s %j compressed, once', async (tool, args) => {
    const { stdout } = await execa(tool, args, { input: vmlinux, encoding: 'buffer' });
    const path = await file('bzImage', makeBzImage({ payload: withSize(stdout), release: '6.9.1-test' }));
    const kernel = await prepareKernel(cache, path);
    expect(kernel).toMatchObject({ label: path, release: '6.9.1-test' });
    expect(kernel.path).not.toBe(path);
    expect((await readFile(kernel.path)).equals(vmlinux)).toBe(true);
    expect(await prepareKernel(cache, path)).toEqual(kernel);
    expect(await readdir(join(cache.root, 'vmlinux'))).toHaveLength(1);
    expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
  });

  it('unpacks gzip, which ends with the size already', async () => {
    const path = await file('bzImage', makeBzImage({ payload: gzipSync(vmlinux) }));
    const kernel = await prepareKernel(cache, path);
    expect((await readFile(kernel.path)).equals(vmlinux)).toBe(true);
    expect(kernel.release).toBeUndefined();
  });

  it.each([
    ['an unknown compression', Buffer.from('what is this?')],
    ['damaged data', withSize(gzipSync(vmlinux).subarray(0, 200))],
    ['a wrong size', Buffer.concat([gzipSync(vmlinux), Buffer.alloc(4)])],
    ['something else inside', gzipSync(Buffer.from('not an ELF file'))],
  ])('boots the bzImage itself with %s', async (_, payload) => {
    const path = await file('bzImage', makeBzImage({ payload }));
    expect((await prepareKernel(cache, path)).path).toBe(path);
    expect(await readdir(join(cache.root, 'tmp')).catch(() => [])).toEqual([]);
  });

  it('reads the release of a vmlinux from its banner, also across reads', async () => {
    expect((await prepareKernel(cache, await file('a', vmlinux))).release).toBe('6.9.1-test');
    const far = makeElf('Linux version 6.9.2 (me@here)'.padStart(2 ** 20 - 64 + 10, '.'));
    expect((await prepareKernel(cache, await file('b', far))).release).toBe('6.9.2');
    expect((await prepareKernel(cache, await file('c', makeElf('none')))).release).toBeUndefined();
  });

  const elf = (change: (elf: Buffer) => void): Buffer => {
    const copy = Buffer.from(makeElf(''));
    change(copy);
    return copy;
  };
  const arm64 = makeArm64Image('');
  it.each([
    ['is empty', ''],
    ['is not a Linux kernel', 'hello'],
    ['is not a Linux kernel', Buffer.alloc(100_000)],
    ['is built for aarch64, and the guest is to be x86_64', arm64],
    ['is built for aarch64, and the guest is to be x86_64', elf((e) => e.writeUInt16LE(183, 18))],
    ['is built for i386, and the guest is to be x86_64', elf((e) => e.writeUInt16LE(3, 18))],
    ['is a 32-bit ELF file', elf((e) => e.writeUInt8(1, 4))],
    ['but not an executable one', elf((e) => e.writeUInt16LE(1, 16))],
    ['is a truncated ELF file', makeElf('').subarray(0, 40)],
    ['is a truncated ELF file', elf((e) => e.writeBigUInt64LE(2n ** 40n, 32))],
    ['is a truncated bzImage', makeBzImage({ payload: gzipSync(vmlinux) }).subarray(0, 2700)],
    ['has boot protocol 2.4', makeBzImage({ payload: Buffer.alloc(64), version: 0x204 })],
    ['has no 64-bit entry point', makeBzImage({ payload: Buffer.alloc(64), loadFlags64: 0 })],
  ])('%s', async (reason, data) => {
    const path = await file('kernel', data);
    const error = await prepareKernel(cache, path).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'VMTEST_BAD_INPUT' });
    expect((error as Error).message).toContain(`kernel ${path}: `);
    expect((error as Error).message).toContain(reason);
  });

  it('names a file that is missing, a directory, or not readable', async () => {
    await expect(prepareKernel(cache, join(directory, 'none'))).rejects.toThrow('none: does not exist');
    await expect(prepareKernel(cache, directory)).rejects.toThrow('is a directory');
    const path = await file('secret', vmlinux);
    await chmod(path, 0);
    if (process.getuid?.() !== 0) await expect(prepareKernel(cache, path)).rejects.toThrow('permission denied');
  });
});
