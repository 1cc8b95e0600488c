/** A kernel in the tree where Kbuild built it: nothing has to be installed. */
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize, resolve } from 'node:path';
import { type Cache, exists } from '../cache.js';
import type { Architecture } from './architecture.js';
import { badKernel } from './bad-kernel.js';
import { isRelease, type LocatedKernel, type LocateOptions, type WorkOptions } from './located.js';
import { moduleTree, present } from './module-tree.js';

/** Where Kbuild puts what boots, best first. */
const IMAGES: Readonly<Record<Architecture, readonly string[]>> = {
  x86_64: ['arch/x86/boot/bzImage', 'vmlinux'],
  aarch64: [
    'arch/arm64/boot/Image',
    'arch/arm64/boot/Image.gz',
    'arch/arm64/boot/Image.zst',
    'arch/arm64/boot/vmlinuz.efi',
  ],
};

const MAKE: Readonly<Record<Architecture, string>> = {
  x86_64: 'bzImage modules',
  aarch64: 'ARCH=arm64 Image modules',
};

const RELEASE_FILE = 'include/config/kernel.release';

/** A tree that was configured, in the sources or beside them (`make O=DIR`, which leaves a link `source`). */
export async function isBuildTree(directory: string): Promise<boolean> {
  const has = (name: string) => exists(join(directory, name));
  if (await has(RELEASE_FILE)) return true;
  if (await has('.config')) return (await has('Kbuild')) || (await has('source'));
  return (await has('Kbuild')) && (await has('Kconfig'));
}

export async function locateInTree(cache: Cache, tree: string, options: LocateOptions): Promise<LocatedKernel> {
  const { arch } = options;
  const directory = resolve(tree);
  const config = join(directory, '.config');
  if (!(await exists(config)) && !(await exists(join(directory, RELEASE_FILE)))) {
    throw badKernel(
      tree,
      `is a kernel source tree that is not configured: run \`make -C ${tree} defconfig\` and build it`,
    );
  }
  const image = await builtImage(directory, arch);
  const release = (await readFile(join(directory, RELEASE_FILE), 'utf8').catch(() => '')).trim();
  if (image === undefined) {
    throw badKernel(tree, `is configured but not built: run \`make -C ${tree} -j$(nproc) ${MAKE[arch]}\``);
  }
  if (!isRelease(release)) throw badKernel(tree, `its ${RELEASE_FILE} does not say its release; build it again`);
  return {
    image,
    label: image,
    release,
    ...((await exists(config)) ? { config } : {}),
    modules: (told) => treeModules(cache, directory, told ?? release, options),
  };
}

/**
 * What was built last: after `make vmlinux` the bzImage is an old one. What was built for another architecture
 * is taken where there is nothing else, and refused with its name by those who look into it.
 */
async function builtImage(directory: string, arch: Architecture): Promise<string | undefined> {
  for (const images of [IMAGES[arch], ...Object.values(IMAGES)]) {
    const built = await present(images.map((name) => join(directory, name)));
    const times = await Promise.all(built.map(async (path) => (await stat(path)).mtimeMs));
    const newest = built[times.indexOf(Math.max(...times))];
    if (newest !== undefined) return newest;
  }
  return undefined;
}

/** Undefined where no module was built. */
async function treeModules(
  cache: Cache,
  directory: string,
  release: string,
  options: WorkOptions,
): Promise<string | undefined> {
  const order = await readFile(join(directory, 'modules.order'), 'utf8').catch(() => '');
  const found = await Promise.all(parseModulesOrder(order).map((candidates) => firstModule(directory, candidates)));
  const modules = found.filter((module) => module !== undefined);
  if (modules.length === 0 && !(await exists(join(directory, 'modules.builtin')))) return undefined;
  const tables = ['modules.builtin', 'modules.builtin.modinfo'].map((name) => join(directory, name));
  return moduleTree(cache, { release, modules, tables: await present(tables) }, options);
}

/**
 * Where each module of `modules.order` may be in the tree. It lists `fs/ext4/ext4.o` since Linux 6.2,
 * `fs/ext4/ext4.ko` since 5.3, and `kernel/fs/ext4/ext4.ko`, as it is installed, before. Pure.
 */
export function parseModulesOrder(text: string): string[][] {
  const paths = text.split('\n').filter((line) => /\.k?o$/.test(line));
  const inside = paths.filter((path) => !isAbsolute(path) && normalize(path) === path && !path.startsWith('../'));
  return [...new Set(inside)].map((path) => {
    const built = path.replace(/\.k?o$/, '.ko');
    return built.startsWith('kernel/') ? [built, built.slice('kernel/'.length)] : [built];
  });
}

/** The module, with its place when it is installed; undefined when it was not built. */
async function firstModule(directory: string, candidates: readonly string[]) {
  for (const candidate of candidates) {
    const path = join(directory, candidate);
    if (await exists(path)) return { place: `kernel/${candidate}`, path };
  }
  return undefined;
}
