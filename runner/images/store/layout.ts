/**
 * An image as files under their own names: `layouts/<key>/<path>`, links to the blobs. So whoever reads one of them
 * reads what was verified, and the store has each byte once.
 */
import { mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Cache, cached, keyOf } from '../cache.js';
import type { StoredImage } from './images.js';

/** The directory that the image is laid out in. */
export async function layOut(cache: Cache, image: StoredImage): Promise<string> {
  const { files } = image.manifest;
  // The links are absolute: a cache that was moved is laid out anew.
  const key = keyOf(image.digest, resolve(cache.root));
  const lay = () =>
    cached(cache, 'layouts', key, async (directory) => {
      for (const { path } of files) {
        const link = join(directory, path);
        await mkdir(dirname(link), { recursive: true });
        await symlink(resolve(image.pathOf(path)), link);
      }
    });
  const directory = await lay();
  if (await isWhole(directory, image)) return directory;
  await rm(directory, { recursive: true, force: true });
  return lay();
}

/** Someone may have tidied up. */
async function isWhole(directory: string, image: StoredImage): Promise<boolean> {
  const links = image.manifest.files.map(async ({ path }) => {
    return (await readlink(join(directory, path)).catch(() => undefined)) === resolve(image.pathOf(path));
  });
  return (await Promise.all(links)).every((right) => right);
}
