/**
 * Blobs: files of images, each once, under the name of its SHA-256.
 *
 *   ROOT/blobs/<sha256>   complete, read-only, never changed: copied under ROOT/tmp, then renamed
 *   ROOT/bad/<name>       what was found not to be what its name says; set aside for whoever wants to know
 *
 * A blob is checked when it is used. Hashing a root file system on each run would cost more than the run, so
 * a digest is remembered by the file's identity, size and times (digest.ts).
 */

import { randomBytes } from 'node:crypto';
import { copyFile, constants as fsConstants, mkdir, open, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { type Cache, withScratch } from '../cache.js';
import { fileDigest, sha256 } from '../digest.js';
import type { ManifestFile } from './manifest.js';

export const blobPath = (cache: Cache, digest: string): string => join(cache.root, 'blobs', digest);

/** How old a blob that no image refers to must be to be pruned: a writer puts the files before the name. Milliseconds. */
export const PRUNE_AGE = 3_600_000;

export interface PutOptions {
  /** The file is a scratch file of the caller's own in the cache: it is moved where it can be, not copied. */
  move?: boolean;
}

/**
 * Puts a file into the store; what is there already is not written again. Returns its digest and size. Throws
 * `VMTEST_CACHE` where the cache cannot be written, or is full.
 */
export function putBlob(
  cache: Cache,
  path: string,
  { move = false }: PutOptions = {},
): Promise<{ sha256: string; size: number }> {
  return withScratch(cache, async (directory) => {
    const scratch = join(directory, 'blob');
    // Hashed after the copy: what is stored is what was hashed, whatever happens to the source meanwhile.
    if (move) await rename(path, scratch);
    else await copyFile(path, scratch, fsConstants.COPYFILE_FICLONE);
    const digest = await sha256(scratch);
    const { size } = await stat(scratch);
    // One that is there but damaged is set aside by the look at it.
    if (!(await keep(cache, { sha256: digest, size }))) {
      const handle = await open(scratch, 'r');
      try {
        await handle.chmod(0o444);
        // The name is a promise that outlives a crash, so the bytes go first.
        await handle.sync();
      } finally {
        await handle.close();
      }
      await mkdir(join(cache.root, 'blobs'), { recursive: true });
      await rename(scratch, blobPath(cache, digest));
    }
    return { sha256: digest, size };
  });
}

/** Whether a blob is there; an old one that nobody may refer to yet is made young, or it could be pruned before it is. */
async function keep(cache: Cache, file: Pick<ManifestFile, 'sha256' | 'size'>): Promise<boolean> {
  const path = await checkBlob(cache, file);
  if (path === undefined) return false;
  const now = new Date();
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  if (now.getTime() - mtimeMs < PRUNE_AGE / 2) return true;
  return utimes(path, now, now).then(
    () => true,
    // Pruned a moment ago: it is put again. Where another user owns the store it is as it was.
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

/**
 * The path of a blob that is what it should be; undefined when it is not there. One that is wrong is set
 * aside first, so that it is never booted and can be fetched again. `thorough`: hash it even when its
 * digest is remembered.
 */
export async function checkBlob(
  cache: Cache,
  file: Pick<ManifestFile, 'sha256' | 'size'>,
  { thorough = false } = {},
): Promise<string | undefined> {
  const path = blobPath(cache, file.sha256);
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined;
    throw new VmtestError('VMTEST_CACHE', `cannot use the cache: ${error.message}`, { cause: error });
  });
  if (status === undefined) return undefined;
  const digest = status.isFile() ? await readDigest(cache, path, thorough) : undefined;
  // The size is what the asker believes; a wrong belief must not cost another image its blob.
  if (digest === file.sha256) return status.size === file.size ? path : undefined;
  await setAside(cache, file.sha256);
  return undefined;
}

async function readDigest(cache: Cache, path: string, thorough: boolean): Promise<string> {
  return (thorough ? sha256(path) : fileDigest(cache, path)).catch((cause: unknown) => {
    throw new VmtestError('VMTEST_CACHE', `cannot use the cache: ${(cause as Error).message}`, { cause });
  });
}

async function setAside(cache: Cache, digest: string): Promise<void> {
  const directory = join(cache.root, 'bad');
  await mkdir(directory, { recursive: true });
  const target = join(directory, `${digest}.${randomBytes(4).toString('hex')}`);
  await rename(blobPath(cache, digest), target).catch((error: NodeJS.ErrnoException) => {
    // Another process was faster.
    if (error.code !== 'ENOENT') throw error;
  });
}
