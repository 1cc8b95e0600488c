/** Gives back the space of what can be made or fetched again. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cache, withScratch } from './cache.js';

/** The kinds of entries that are made from something else (`cached`), and the names of packages that go with them. */
const DERIVED = [
  'aliases',
  'apt',
  'digests',
  'initramfs',
  'kernel-images',
  'kernel-packages',
  'layouts',
  'module-trees',
  'packages',
  'qemu-versions',
  'roots',
  'slowdown',
  'vmlinux',
];

/**
 * Removes them all, whole kinds at once, so that nobody finds half of one; returns how many entries that were. A guest that is
 * being started just now may fail for it; one that runs has its files open and does not notice.
 */
export async function pruneDerived(cache: Cache): Promise<number> {
  return withScratch(cache, async (scratch) => {
    let count = 0;
    for (const kind of DERIVED) {
      const path = join(cache.root, kind);
      const entries = await readdir(path).catch(() => undefined);
      if (entries === undefined) continue;
      await rename(path, join(scratch, kind));
      await rm(join(scratch, kind), { recursive: true, force: true });
      count += entries.length;
    }
    return count;
  });
}
