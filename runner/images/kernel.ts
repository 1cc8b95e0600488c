/** From a kernel that the user names to a file that boots fastest, and the release to find its modules by. */
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../errors.js';
import { type Cache, cached } from './cache.js';
import { compressionOf, decompress } from './decompress.js';
import { fileDigest } from './digest.js';
import { badKernel, KERNEL_HEAD_BYTES, type KernelFile, parseKernelFile } from './kernel-file.js';

export interface Kernel {
  /** The file to boot. */
  path: string;
  /** The file that the user knows. */
  label: string;
  /** `uname -r`; undefined when it cannot be told. */
  release: string | undefined;
}

/** Error texts of open(2) and read(2) that a user can do something about. */
export function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: permission denied';
    case 'EISDIR':
      return 'is a directory';
    case 'ENOTDIR':
      return 'does not exist: a part of its path is not a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/** `digest`: the SHA-256 of the file, where it is known already. */
export async function prepareKernel(cache: Cache, path: string, digest?: string): Promise<Kernel> {
  // Not blocking: a FIFO is told for what it is, and nobody waits for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw badKernel(path, reasonOf(cause));
  });
  try {
    const file = await readHead(path, handle);
    if (file.format === 'elf') return { path, label: path, release: await bannerRelease(path) };
    const { payload, release } = file;
    const unpacked = payload && (await unpackCached(cache, path, handle, payload, digest));
    return { path: unpacked ?? path, label: path, release };
  } finally {
    await handle.close();
  }
}

async function readHead(path: string, handle: FileHandle): Promise<KernelFile> {
  const status = await handle.stat();
  if (status.isDirectory()) throw badKernel(path, 'is a directory');
  if (!status.isFile()) throw badKernel(path, 'is not a regular file');
  const head = Buffer.alloc(Math.min(KERNEL_HEAD_BYTES, status.size));
  await handle.read(head, 0, head.length, 0);
  return parseKernelFile(path, head, status.size);
}

/** The vmlinux of a bzImage in the cache; undefined when it cannot be had and the bzImage must do. */
async function unpackCached(
  cache: Cache,
  path: string,
  handle: FileHandle,
  { offset, length }: { offset: number; length: number },
  digest?: string,
): Promise<string | undefined> {
  const key = digest ?? (await fileDigest(cache, path));
  try {
    const make = async (scratch: string): Promise<void> => {
      const payload = Buffer.alloc(length);
      await handle.read(payload, 0, length, offset);
      await writeFile(join(scratch, 'vmlinux'), await unpack(payload));
    };
    const directory = await cached(cache, 'vmlinux', key, make, 'vmlinux');
    return join(directory, 'vmlinux');
  } catch (error) {
    // A missing tool or a payload of a new kind: the bzImage decompresses itself, only slower.
    if (error instanceof VmtestError && error.code === 'VMTEST_DECOMPRESS') return undefined;
    throw error;
  }
}

/**
 * The vmlinux of a bzImage. Behind every format but gzip the kernel's build appends the size of the
 * result in 4 bytes (scripts/Makefile.lib, size_append), which the tools would take for damage.
 */
async function unpack(payload: Buffer): Promise<Uint8Array> {
  const compression = compressionOf(payload);
  if (compression === undefined) throw new VmtestError('VMTEST_DECOMPRESS', 'an unknown compression');
  const stream = compression === 'gzip' ? payload : payload.subarray(0, -4);
  const vmlinux = await decompress(stream, compression);
  const expected = payload.readUInt32LE(payload.length - 4);
  if (vmlinux.length % 2 ** 32 !== expected) {
    throw new VmtestError('VMTEST_DECOMPRESS', `the kernel inside has ${vmlinux.length} bytes, not ${expected}`);
  }
  if (Buffer.from(vmlinux.buffer, vmlinux.byteOffset, 4).toString('latin1') !== '\x7fELF') {
    throw new VmtestError('VMTEST_DECOMPRESS', 'the kernel inside is not an ELF file');
  }
  return vmlinux;
}

/** The release in the banner of a vmlinux (init/version.c), searched from its beginning. */
async function bannerRelease(path: string): Promise<string | undefined> {
  const overlap = 256;
  let carried = '';
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, encoding: 'latin1' })) {
    const text: string = carried + chunk;
    const found = /Linux version (\d+\.\d+[\w.+~-]*) \(/.exec(text);
    if (found !== null) return found[1];
    carried = text.slice(-overlap);
  }
  return undefined;
}
