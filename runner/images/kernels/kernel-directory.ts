/** A directory with `boot/` and `lib/modules/`, as packages, `make install` and root file systems have them. */
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cache, exists } from '../cache.js';
import { badKernel } from './bad-kernel.js';
import { isRelease, type LocatedKernel, type WorkOptions } from './located.js';
import { present, readyModules } from './module-tree.js';

const MODULES = ['lib/modules', 'usr/lib/modules'];

export async function isKernelDirectory(directory: string): Promise<boolean> {
  return (await present(['boot', ...MODULES].map((name) => join(directory, name)))).length > 0;
}

/** `label`: what the user knows the kernel by. Default: its path in the directory. */
export async function locateInDirectory(
  cache: Cache,
  directory: string,
  options: WorkOptions,
  label?: string,
): Promise<LocatedKernel> {
  const known = label ?? directory;
  const found = await findImages(directory);
  const [first, ...others] = found;
  if (first === undefined) {
    throw badKernel(known, 'holds no kernel: neither boot/vmlinuz-RELEASE nor lib/modules/RELEASE/vmlinuz');
  }
  if (others.length > 0) {
    const list = found.map(({ path }) => path).join(', ');
    throw badKernel(known, `holds ${found.length} kernels, name one of them: ${list}`);
  }
  const image = join(directory, first.path);
  return {
    image,
    label: label ?? image,
    ...(first.release === undefined ? {} : { release: first.release }),
    modules: (told) => modulesIn(cache, directory, told ?? first.release, options),
  };
}

interface FoundImage {
  /** Below the directory. */
  path: string;
  release?: string;
}

/** One for each kernel: of several files for one release the best. */
async function findImages(directory: string): Promise<FoundImage[]> {
  const images = [...(await bootImages(directory)), ...(await moduleImages(directory))];
  const byKernel = new Map<string, FoundImage>();
  const paths = new Set<string>();
  for (const image of images) {
    const real = await realpath(join(directory, image.path)).catch(() => undefined);
    // A link to nowhere, like that to a kernel that was removed, or one more name of a kernel.
    if (real === undefined || paths.has(real)) continue;
    paths.add(real);
    const key = image.release ?? image.path;
    if (!byKernel.has(key)) byKernel.set(key, image);
  }
  return [...byKernel.values()];
}

/** Of the same release a packed kernel comes before a vmlinux, which is there for debuggers. */
const PREFERENCE = ['vmlinuz', 'bzImage', 'Image', 'kernel', 'vmlinux'];

async function bootImages(directory: string): Promise<FoundImage[]> {
  const names = await readdir(join(directory, 'boot')).catch(() => []);
  const images = names.sort().flatMap((name) => {
    const match = /^(vmlinuz|bzImage|Image|kernel|vmlinux)(?:-(.+?))?(?:\.gz|\.zst)?$/.exec(name);
    if (match === null) return [];
    const [, kind = '', release] = match;
    // Fedora's copy of the kernel that it was installed with, and what `make install` put aside.
    if (release?.startsWith('0-rescue-') || release?.endsWith('.old')) return [];
    const path = join('boot', name);
    return [{ rank: PREFERENCE.indexOf(kind), image: release === undefined ? { path } : { path, release } }];
  });
  // Names with a release first: they say more of the file than a link without one.
  const unnamed = ({ image }: { image: FoundImage }): number => (image.release === undefined ? 1 : 0);
  return images.sort((a, b) => unnamed(a) - unnamed(b) || a.rank - b.rank).map(({ image }) => image);
}

/** Fedora and openSUSE keep the kernel with its modules. */
async function moduleImages(directory: string): Promise<FoundImage[]> {
  const images: FoundImage[] = [];
  for (const modules of MODULES) {
    for (const release of (await readdir(join(directory, modules)).catch(() => [])).sort()) {
      const path = join(modules, release, 'vmlinuz');
      if (isRelease(release) && (await exists(join(directory, path)))) images.push({ path, release });
    }
  }
  return images;
}

async function modulesIn(
  cache: Cache,
  directory: string,
  release: string | undefined,
  options: WorkOptions,
): Promise<string | undefined> {
  if (release === undefined || !isRelease(release)) return undefined;
  const [found] = await present(MODULES.map((name) => join(directory, name, release)));
  return found === undefined ? undefined : readyModules(cache, found, options);
}
