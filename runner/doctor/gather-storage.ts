/** Where vmtest keeps things, and how much room there is. Nothing is made to find out. */
import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createCleanup } from '../cleanup.js';
import { cacheRoot, exists } from '../images/cache.js';
import { listImages } from '../images/store/images.js';
import type { CacheFacts, DiskFacts } from './facts.js';
import { wholeMib } from './read.js';

/** Files of the store that are counted: a store of a few images has hundreds. */
const MAX_COUNTED = 10_000;

export async function gatherDisks(env: NodeJS.ProcessEnv): Promise<DiskFacts[]> {
  const places = [
    { use: 'cache', path: resolve(cacheRoot(env)) },
    { use: 'temporary', path: env['TMPDIR'] || tmpdir() },
  ] as const;
  return Promise.all(places.map(async ({ use, path }) => ({ use, path, freeMib: await freeMib(path) })));
}

async function freeMib(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(await existing(path));
    return wholeMib(bavail * bsize);
  } catch {
    return null;
  }
}

export async function gatherCache(env: NodeJS.ProcessEnv): Promise<CacheFacts> {
  const path = resolve(cacheRoot(env));
  const writable = await access(await existing(path), constants.W_OK).then(
    () => true,
    () => false,
  );
  await using cleanup = createCleanup();
  const images = await listImages({ root: path, cleanup }).catch(() => []);
  return { path, writable, images: images.length, blobsMib: await blobsMib(join(path, 'blobs')) };
}

/** The path, or the directory above it that is there. */
async function existing(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if ((await exists(at)) || dirname(at) === at) return at;
  }
}

async function blobsMib(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  let bytes = 0;
  for (const name of names.slice(0, MAX_COUNTED)) {
    bytes += (await stat(join(directory, name)).catch(() => ({ size: 0 }))).size;
  }
  return wholeMib(bytes) ?? 0;
}
