/**
 * Digests of files. Hashing a kernel on each run would cost more than the run, so the digest of a file is
 * remembered by its identity, size and times, as git and make do.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Cache, cached, find, keyOf } from './cache.js';

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** A file that changed this short a time ago may change again within one tick of its time stamp. Milliseconds. */
const SETTLED = 2000;

/** The SHA-256 of a file, in hexadecimal. */
export async function fileDigest(cache: Cache, path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = await stat(path, { bigint: true });
  const identity = [dev, ino, size, mtimeNs, ctimeNs].map(String);
  const key = keyOf('digest', identity);
  const known = await find(cache, 'digests', key);
  if (known !== undefined) return readFile(join(known, 'sha256'), 'utf8');
  const digest = await sha256(path);
  if (Date.now() - Math.max(Number(mtimeMs), Number(ctimeMs)) > SETTLED) {
    await cached(cache, 'digests', key, (directory) => writeFile(join(directory, 'sha256'), digest));
  }
  return digest;
}
