/** From the file of a kernel to one that boots fastest, and the release to find its modules by. */
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { type Cache, cached } from '../cache.js';
import { compressionOf, decompress } from '../decompress.js';
import { fileDigest } from '../digest.js';
import { reasonOf } from '../reason.js';
import type { Architecture } from './architecture.js';
import { badKernel } from './bad-kernel.js';
import { KERNEL_HEAD_BYTES, type KernelFile, parseKernelFile } from './kernel-file.js';

export interface Kernel {
  /** The file to boot. */
  path: string;
  /** The bzImage that it came out of, for boot loaders that know only those. */
  bzImage?: string;
  /** The file that the user knows. */
  label: string;
  arch: Architecture;
  /** `uname -r`; undefined when it cannot be told. */
  release: string | undefined;
}

export interface PrepareOptions {
  /** What the guest is to be. */
  arch: Architecture;
  /** What the user knows the file by. Default: its path. */
  label?: string;
  /** The SHA-256 of the file, where it is known already. */
  digest?: string;
}

/** A piece of a file. */
interface Piece {
  offset: number;
  length: number;
}

/** An Image in gzip in a zboot image in zstd is not what anybody builds. */
const MAX_WRAPPERS = 2;

/** Throws `VMTEST_BAD_INPUT` when the file is no kernel, or one for another architecture. */
export async function prepareKernel(cache: Cache, path: string, options: PrepareOptions): Promise<Kernel> {
  const { arch, label = path } = options;
  const { path: inner, file, digest } = await unwrap(cache, path, label, options.digest, MAX_WRAPPERS);
  if (file.arch !== arch) throw badKernel(label, `is built for ${file.arch}, and the guest is to be ${arch}`);
  if (file.format !== 'bzimage') return { path: inner, label, arch, release: await bannerRelease(inner) };
  const unpacked = file.payload && (await unpackBzImage(cache, inner, file.payload, digest));
  return { path: unpacked ?? inner, bzImage: inner, label, arch, release: file.release };
}

type BareKernel = Exclude<KernelFile, { format: 'zboot' | 'packed' }>;
interface Unwrapped {
  path: string;
  file: BareKernel;
  digest: string | undefined;
}

/** Takes off what is around a kernel that cannot unpack itself without firmware. */
async function unwrap(
  cache: Cache,
  path: string,
  label: string,
  digest: string | undefined,
  wrappers: number,
): Promise<Unwrapped> {
  const { file, size } = await readHead(path, label);
  if (file.format !== 'zboot' && file.format !== 'packed') return { path, file, digest };
  if (wrappers === 0) throw badKernel(label, 'is compressed too many times');
  const piece = file.format === 'zboot' ? file.payload : { offset: 0, length: size };
  const key = digest ?? (await fileDigest(cache, path));
  const directory = await cached(
    cache,
    'kernel-images',
    key,
    async (scratch) => {
      const data = await readPiece(path, piece);
      await writeFile(join(scratch, 'image'), await unpackWhole(label, data));
    },
    'image',
  );
  return unwrap(cache, join(directory, 'image'), label, undefined, wrappers - 1);
}

async function unpackWhole(label: string, data: Buffer): Promise<Uint8Array> {
  const compression = compressionOf(data);
  if (compression === undefined) throw badKernel(label, 'holds a kernel in an unknown compression');
  return decompress(data, compression).catch((cause: unknown) => {
    throw badKernel(label, `cannot be unpacked: ${(cause as Error).message}`, cause);
  });
}

async function opened<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  // Not blocking: a FIFO is told for what it is, and nobody waits for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function readHead(path: string, label: string): Promise<{ file: KernelFile; size: number }> {
  const read = async (handle: FileHandle) => {
    const status = await handle.stat();
    if (status.isDirectory()) throw badKernel(label, 'is a directory');
    if (!status.isFile()) throw badKernel(label, 'is not a regular file');
    const head = Buffer.alloc(Math.min(KERNEL_HEAD_BYTES, status.size));
    await handle.read(head, 0, head.length, 0);
    return { file: parseKernelFile(label, head, status.size), size: status.size };
  };
  return opened(path, read).catch((cause: unknown) => {
    throw cause instanceof VmtestError ? cause : badKernel(label, reasonOf(cause), cause);
  });
}

const readPiece = (path: string, { offset, length }: Piece): Promise<Buffer> =>
  opened(path, async (handle) => {
    const piece = Buffer.alloc(length);
    await handle.read(piece, 0, length, offset);
    return piece;
  });

/** The vmlinux of a bzImage in the cache; undefined when it cannot be had and the bzImage must do. */
async function unpackBzImage(
  cache: Cache,
  path: string,
  payload: Piece,
  digest: string | undefined,
): Promise<string | undefined> {
  const key = digest ?? (await fileDigest(cache, path));
  try {
    const make = async (scratch: string): Promise<void> =>
      writeFile(join(scratch, 'vmlinux'), await unpackPayload(await readPiece(path, payload)));
    return join(await cached(cache, 'vmlinux', key, make, 'vmlinux'), 'vmlinux');
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
async function unpackPayload(payload: Buffer): Promise<Uint8Array> {
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

/** The release in the banner of a vmlinux or an Image (init/version.c), searched from its beginning. */
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
