/**
 * Digests of files. Hashing a kernel on each run would cost more than the run, so the digest of a file is
 * remembered by its identity, size and times, as git and make do.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Cache, cached, keyOf } from './cache.js';

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** A file that changed this short a time ago may change again within one tick of its time stamp. Milliseconds. */
const SETTLED = 2000;

interface Identity {
  /** Equal for a file that did not change. */
  key: string;
  /** False while a change could go unnoticed. */
  settled: boolean;
}

export async function identityOf(path: string): Promise<Identity> {
  const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = await stat(path, { bigint: true });
  const settled = Date.now() - Math.max(Number(mtimeMs), Number(ctimeMs)) > SETTLED;
  return { key: keyOf('digest', [dev, ino, size, mtimeNs, ctimeNs].map(String)), settled };
}

/** What `compute` finds in a file, remembered until the file changes: in the cache, as KIND/KEY/NAME. */
export async function remembered(
  cache: Cache,
  [kind, name]: readonly [kind: string, name: string],
  path: string,
  compute: (path: string) => Promise<string>,
): Promise<string> {
  const { key, settled } = await identityOf(path);
  const known = await readFile(join(cache.root, kind, key, name), 'utf8').catch(() => undefined);
  if (known !== undefined) return known;
  const value = await compute(path);
  if (settled) await cached(cache, kind, key, (directory) => writeFile(join(directory, name), value));
  return value;
}

/** The SHA-256 of a file, in hexadecimal. */
export const fileDigest = (cache: Cache, path: string): Promise<string> =>
  remembered(cache, ['digests', 'sha256'], path, sha256);
