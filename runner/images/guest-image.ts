/** An image out of the store, as what a guest is made of. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cache } from './cache.js';
import type { StoredImage } from './store/images.js';
import { layOut } from './store/layout.js';

export interface GuestImage {
  /** Its name, for messages. */
  name: string;
  /** SHA-256 of its manifest. */
  digest: string;
  kernel: { path: string; sha256: string };
  /** `lib/modules/RELEASE` of the kernel, in small. */
  modules: string | undefined;
  /** A static busybox, and its applets as paths like `bin/sh`. */
  busybox: { path: string; applets: string[] } | undefined;
  root: { path: string; fstype: string } | undefined;
  /** SHA-256 of each of these files, by path: they were verified. */
  digests: ReadonlyMap<string, string>;
}

/** Lays the image out and tells where everything is. */
export async function guestImage(cache: Cache, image: StoredImage): Promise<GuestImage> {
  const { roles, files, name } = image.manifest;
  const directory = await layOut(cache, image);
  const path = (file: string): string => join(directory, file);
  const { kernel, modules, busybox, applets, root } = roles;
  return {
    name,
    digest: image.digest,
    kernel: { path: path(kernel), sha256: files.find((file) => file.path === kernel)?.sha256 ?? '' },
    modules: modules === undefined ? undefined : path(modules),
    busybox:
      busybox === undefined
        ? undefined
        : { path: path(busybox), applets: applets === undefined ? [] : await readLines(path(applets)) },
    root: root === undefined ? undefined : { ...root, path: image.pathOf(root.path) },
    digests: new Map(files.map((file) => [path(file.path), file.sha256])),
  };
}

async function readLines(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
}
