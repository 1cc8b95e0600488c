/**
 * An image as files under their own names: `layouts/<key>/<path>`, links to the blobs. So whoever reads one of them
 * reads what was verified, and the store has each byte once.
 */
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Cache, cached, keyOf } from '../cache.js';
import type { StoredImage } from './images.js';

/** The directory that the image is laid out in. */
export async function layOut(cache: Cache, image: StoredImage): Promise<string> {
  const { files } = image.manifest;
  // The links are absolute: a cache that was moved is laid out anew.
  const key = keyOf(image.digest, resolve(cache.root));
  return cached(cache, 'layouts', key, async (directory) => {
    for (const { path } of files) {
      const link = join(directory, path);
      await mkdir(dirname(link), { recursive: true });
      await symlink(resolve(image.pathOf(path)), link);
    }
  });
}
