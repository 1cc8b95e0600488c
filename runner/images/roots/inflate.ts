/** Decompression of streams of any length: gzip here, the rest by the tools that every distribution has. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Compression, compressionOf } from '../decompress.js';
import { badRoot, packFailed } from './bad-root.js';

export interface InflateOptions {
  /** What the stream is part of, for messages. */
  label: string;
  signal?: AbortSignal | undefined;
}

/** Dictionaries of xz may ask for 4 GiB of memory; what is made for others to unpack does not. */
const TOOLS: Readonly<Record<Exclude<Compression, 'gzip'>, readonly [string, ...string[]]>> = {
  bzip2: ['bzip2', '-dc'],
  lzma: ['xz', '--format=lzma', '-dc', '--memlimit-decompress=1GiB'],
  xz: ['xz', '-dc', '--memlimit-decompress=1GiB'],
  lzo: ['lzop', '-dc'],
  lz4: ['lz4', '-dc'],
  zstd: ['zstd', '-dc', '-q'],
};

/** The bytes as they are, or what they are the compressed form of, as their first bytes tell. */
export async function* inflate(source: AsyncIterable<Buffer>, options: InflateOptions): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    if (first.done) return;
    const compression = compressionOf(first.value);
    const all = rejoin(first.value, chunks);
    if (compression === undefined) yield* all;
    else yield* compression === 'gzip' ? gunzipped(all, options) : byTool(all, compression, options);
  } finally {
    await chunks.return?.();
  }
}

async function* rejoin(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* gunzipped(source: AsyncIterable<Buffer>, { label }: InflateOptions): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  // Its error is thrown by the loop.
  pipeline(Readable.from(source), gunzip).catch(() => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw code.startsWith('Z_') ? badRoot(label, `is damaged gzip data: ${(cause as Error).message}`, cause) : cause;
  }
}

async function* byTool(
  source: AsyncIterable<Buffer>,
  compression: Exclude<Compression, 'gzip'>,
  { label, signal }: InflateOptions,
): AsyncGenerator<Buffer> {
  const { execa } = await import('execa');
  const [tool, ...args] = TOOLS[compression];
  let broken: unknown;
  const guarded = (async function* () {
    try {
      yield* source;
    } catch (error) {
      broken = error;
      throw error;
    }
  })();
  const child = execa(tool, args, {
    input: Readable.from(guarded),
    buffer: { stdout: false },
    env: { LC_ALL: 'C' },
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  try {
    yield* child.iterable({ binary: true, preserveNewlines: true }) as AsyncIterable<Buffer>;
  } catch (cause) {
    signal?.throwIfAborted();
    if (broken !== undefined) throw broken;
    const failure = cause as { code?: string; stderr?: string };
    if (failure.code === 'ENOENT') throw packFailed(label, `${tool} is not installed`, cause);
    const complaint = failure.stderr?.trim().split('\n').at(-1) ?? '';
    throw badRoot(label, `is damaged ${compression} data: ${complaint}`, cause);
  } finally {
    // Whoever stops reading early leaves a tool that could go on for long.
    child.kill();
    await child.catch(() => {});
  }
}
