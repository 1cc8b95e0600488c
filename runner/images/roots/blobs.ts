/** The files of a container image, in a directory or in a tar archive. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { badRoot, quoted } from './bad-root.js';
import { parseEntryPath } from './entry-path.js';
import type { TarEntry } from './tar-read.js';

export interface Blob {
  size: number;
  open(): AsyncIterable<Buffer>;
}

export interface BlobStore {
  label: string;
  /** By a path below the store; undefined when there is no such file. */
  find(path: string): Promise<Blob | undefined>;
}

const CHUNK = 1 << 18;
/** Far above the JSON of any image. */
const MAX_JSON_BYTES = 8 * 2 ** 20;

export function directoryBlobs(label: string, directory: string): BlobStore {
  return {
    label,
    async find(path) {
      if ('refused' in parseEntryPath(path)) return undefined;
      const file = join(directory, path);
      const status = await stat(file).catch(() => undefined);
      if (status?.isFile() !== true) return undefined;
      return { size: status.size, open: () => createReadStream(file, { highWaterMark: CHUNK }) };
    },
  };
}

/** Symbolic links between layers, which older `docker save` writes, are followed this often. */
const MAX_LINKS = 8;

/** `archive` is not compressed, so that each entry can be read by itself. */
export function archiveBlobs(label: string, archive: string, entries: readonly TarEntry[]): BlobStore {
  const byPath = new Map<string, TarEntry>();
  for (const entry of entries) {
    const path = parseEntryPath(entry.name);
    if ('refused' in path) throw badRoot(label, `entry ${quoted(entry.name)} ${path.refused}`);
    byPath.set(path.join('/'), entry);
  }
  const lookUp = (path: string): TarEntry | undefined => {
    let at = path;
    for (let hops = 0; hops < MAX_LINKS; hops += 1) {
      const entry = byPath.get(at);
      if (entry?.type !== 'symlink' && entry?.type !== 'link') return entry;
      // A target outside is a key that the map does not have.
      at = entry.type === 'symlink' ? join(at, '..', entry.target) : join(entry.target);
    }
    return undefined;
  };
  return {
    label,
    async find(path) {
      const entry = lookUp(join(path));
      if (entry?.type !== 'file' || entry.sparse !== undefined) return undefined;
      const { offset, size } = entry;
      const range = { start: offset, end: offset + size - 1, highWaterMark: CHUNK };
      return { size, open: () => (size === 0 ? nothing() : createReadStream(archive, range)) };
    },
  };
}

async function* nothing(): AsyncGenerator<Buffer> {}

export async function readJson(store: BlobStore, path: string): Promise<unknown> {
  const blob = await store.find(path);
  if (blob === undefined) throw badRoot(store.label, `holds no ${path}`);
  if (blob.size > MAX_JSON_BYTES) throw badRoot(store.label, `${path} is too large to be what it should be`);
  const chunks: Buffer[] = [];
  for await (const chunk of blob.open()) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw badRoot(store.label, `${path} is not JSON`, cause);
  }
}

/** ALGORITHM:HEX, of the two algorithms that the OCI image spec registers (descriptor.md). */
const DIGEST = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export const isDigest = (text: unknown): text is string => typeof text === 'string' && DIGEST.test(text);

/** Throws when the bytes are not what the digest says. Done before they are parsed: damage should be told as such. */
export async function checkDigest(
  label: string,
  what: string,
  source: AsyncIterable<Buffer>,
  { expected, signal }: { expected: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const algorithm = expected.slice(0, expected.indexOf(':'));
  const hash = createHash(algorithm);
  for await (const chunk of source) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  const found = `${algorithm}:${hash.digest('hex')}`;
  if (found !== expected) throw badRoot(label, `${what} is damaged: its digest is ${found}, not ${expected}`);
}
