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
import { copyFile, constants as fsConstants, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import type { Cache } from '../cache.js';
import { fileDigest, sha256 } from '../digest.js';
import type { ManifestFile } from './manifest.js';

export const blobPath = (cache: Cache, digest: string): string => join(cache.root, 'blobs', digest);

/** Puts a file into the store; what is there already is not written again. Returns its digest and size. */
export async function putBlob(cache: Cache, path: string): Promise<{ sha256: string; size: number }> {
  const scratchDirectory = join(cache.root, 'tmp');
  await mkdir(scratchDirectory, { recursive: true });
  await mkdir(join(cache.root, 'blobs'), { recursive: true });
  const scratch = join(scratchDirectory, `${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    // Hashed after the copy: what is stored is what was hashed, whatever happens to the source meanwhile.
    await copyFile(path, scratch, fsConstants.COPYFILE_FICLONE);
    const digest = await sha256(scratch);
    const { size } = await stat(scratch);
    // One that is there but damaged is set aside by the look at it.
    if ((await checkBlob(cache, { sha256: digest, size })) === undefined) {
      const handle = await open(scratch, 'r+');
      try {
        await handle.chmod(0o444);
        // The name is a promise that outlives a crash, so the bytes go first.
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(scratch, blobPath(cache, digest));
    }
    return { sha256: digest, size };
  } finally {
    await rm(scratch, { force: true });
  }
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
    if (error.code === 'ENOENT') return undefined;
    throw new VmtestError('VMTEST_CACHE', `cannot use the cache: ${error.message}`, { cause: error });
  });
  if (status === undefined) return undefined;
  const whole = status.isFile() && status.size === file.size;
  if (whole && (await (thorough ? sha256(path) : fileDigest(cache, path))) === file.sha256) return path;
  await setAside(cache, file.sha256);
  return undefined;
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
