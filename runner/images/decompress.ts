/** Decompression of kernels and modules: gzip here, the rest by the tools that every distribution has. */
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { VmtestError } from '../errors.js';

export type Compression = 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'lzo' | 'lz4' | 'zstd';

/** First bytes, as lib/decompress.c of the kernel knows them. */
const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lzma', [0x5d, 0x00, 0x00]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lzo', [0x89, 0x4c, 0x5a, 0x4f]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

export function compressionOf(bytes: Uint8Array): Compression | undefined {
  return MAGIC.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte))?.[0];
}

const TOOLS: Readonly<Record<Exclude<Compression, 'gzip'>, readonly [string, ...string[]]>> = {
  bzip2: ['bzip2', '-dc'],
  lzma: ['xz', '--format=lzma', '-dc'],
  xz: ['xz', '--single-stream', '-dc'],
  lzo: ['lzop', '-dc'],
  lz4: ['lz4', '-dc'],
  zstd: ['zstd', '-dc'],
};

/** The most that is taken from a tool: far above any kernel. */
const MAX_BYTES = 2 ** 30;

/** Fails with `VMTEST_DECOMPRESS` when the data is damaged or the tool is missing. */
export async function decompress(data: Uint8Array, compression: Compression): Promise<Uint8Array> {
  if (compression === 'gzip') {
    return promisify(gunzip)(data, { maxOutputLength: MAX_BYTES }).catch((cause: unknown) => {
      throw new VmtestError('VMTEST_DECOMPRESS', `damaged gzip data: ${(cause as Error).message}`, { cause });
    });
  }
  const { execa } = await import('execa');
  const [tool, ...args] = TOOLS[compression];
  try {
    const { stdout } = await execa(tool, args, { input: data, encoding: 'buffer', maxBuffer: MAX_BYTES });
    return stdout;
  } catch (cause) {
    throw toolFailed(tool, compression, cause);
  }
}

function toolFailed(tool: string, compression: Compression, cause: unknown): VmtestError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const why = missing ? `${tool} is not installed` : `damaged ${compression} data`;
  return new VmtestError('VMTEST_DECOMPRESS', why, { cause });
}

/** As `decompress`, for what is too large to be held at once. The reader may stop before the end. */
export async function* decompressStream(source: Readable, compression: Compression): AsyncGenerator<Buffer, void> {
  if (compression === 'gzip') {
    const gunzipping = createGunzip();
    source.once('error', (error) => gunzipping.destroy(error)).pipe(gunzipping);
    try {
      yield* gunzipping;
    } catch (cause) {
      throw new VmtestError('VMTEST_DECOMPRESS', `damaged gzip data: ${(cause as Error).message}`, { cause });
    } finally {
      source.destroy();
    }
    return;
  }
  const { execa } = await import('execa');
  const [tool, ...args] = TOOLS[compression];
  const running = execa(tool, args, { input: source, encoding: 'buffer', buffer: false, stderr: 'ignore' });
  // Heard below; a failure before that must not count as nobody's.
  running.catch(() => {});
  let complete = false;
  try {
    yield* running.stdout as AsyncIterable<Buffer>;
    await running;
    complete = true;
  } catch (cause) {
    throw toolFailed(tool, compression, cause);
  } finally {
    if (!complete) running.kill();
    source.destroy();
  }
}
