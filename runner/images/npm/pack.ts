/**
 * Writes an image of the store as the tarball of an npm package. Equal images give equal bytes (with equal zlib):
 * everything in it is sorted, and nothing in it says when, where or by whom it was made.
 *
 *   package/package.json     what npm wants to know
 *   package/manifest.json    the manifest of the store, to the byte
 *   package/blobs/<sha256>   each file of the image, once
 */
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pack } from 'tar-stream';
import { VmtestError } from '../../errors.js';
import type { Cache } from '../cache.js';
import { quotedText } from '../printable.js';
import { reasonOf } from '../reason.js';
import { blobPath } from '../store/blobs.js';
import type { StoredImage } from '../store/images.js';
import type { Manifest } from '../store/manifest.js';
import { blobEntry, MANIFEST_JSON, PACKAGE_JSON, packageName, packageVersion, tarballName } from './package-name.js';

export interface PackOptions {
  /** An existing directory for the tarball. Default: the working directory. */
  out?: string;
  signal?: AbortSignal | undefined;
}

/**
 * Returns the path of the tarball; one of that name is replaced. `image` is best one that was found with `thorough`:
 * what is packed is not hashed again. Throws `VMTEST_BAD_INPUT` where the directory is none or the version of the
 * image cannot be that of a package, `VMTEST_PACK` where the tarball cannot be written.
 */
export async function packImage(cache: Cache, image: StoredImage, options: PackOptions = {}): Promise<string> {
  const { signal } = options;
  const { manifest } = image;
  const name = packageName(manifest.name, manifest.arch);
  const version = packageVersion(manifest.version);
  if (version === undefined) {
    const why = `its version ${quotedText(manifest.version)} is not MAJOR.MINOR.PATCH, which npm wants`;
    throw new VmtestError('VMTEST_BAD_INPUT', `cannot pack the image ${manifest.name}: ${why}; build it again`);
  }
  const directory = resolve(options.out ?? '.');
  await checkDirectory(directory);
  const target = join(directory, tarballName(name, version));
  const scratch = `${target}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const { pack } = await import('tar-stream');
    const archive = pack();
    const written = pipeline(archive, createGzip({ level: 9 }), createWriteStream(scratch, { flags: 'wx' }), {
      signal,
    });
    const filled = fill(archive, cache, image, version);
    // The writer's error is the cause where both fail.
    filled.catch(() => {});
    await written;
    await filled;
    await rename(scratch, target);
    return target;
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof VmtestError) throw cause;
    throw new VmtestError('VMTEST_PACK', `cannot write ${target}: ${reasonOf(cause)}`, { cause });
  } finally {
    await rm(scratch, { force: true });
  }
}

async function checkDirectory(path: string): Promise<void> {
  const bad = (reason: string, cause?: unknown) =>
    new VmtestError('VMTEST_BAD_INPUT', `--out: ${path} ${reason}`, { cause });
  const status = await stat(path).catch((error: unknown) => {
    throw bad(reasonOf(error), error);
  });
  if (!status.isDirectory()) throw bad('is not a directory');
}

/** As npm itself does it: a time that every file system can hold, equal for all. */
const ENTRY = { mtime: new Date('1985-10-26T08:15:00Z'), mode: 0o644, uid: 0, gid: 0, uname: '', gname: '' };

async function fill(archive: Pack, cache: Cache, image: StoredImage, version: string): Promise<void> {
  try {
    const text = await readFile(blobPath(cache, image.digest));
    archive.entry({ ...ENTRY, name: PACKAGE_JSON }, packageJson(image.manifest, version));
    archive.entry({ ...ENTRY, name: MANIFEST_JSON }, text);
    const sizes = new Map(image.manifest.files.map(({ sha256, size }) => [sha256, size]));
    for (const [sha256, size] of [...sizes].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const entry = archive.entry({ ...ENTRY, name: blobEntry(sha256), size });
      await pipeline(createReadStream(blobPath(cache, sha256), { highWaterMark: 1 << 20 }), entry);
    }
    archive.finalize();
  } catch (error) {
    archive.destroy(error as Error);
    throw error;
  }
}

function packageJson(manifest: Manifest, version: string): string {
  const fields = {
    name: packageName(manifest.name, manifest.arch),
    version,
    description: `The image ${manifest.name} of vmtest for ${manifest.arch}: Linux ${manifest.kernelRelease}`,
    license: 'SEE LICENSE IN manifest.json',
    files: ['manifest.json', 'blobs/'],
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}
