import { mkdtemp, realpath, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import type { Cache } from '../cache.js';
import { inLoadOrder, readModuleSet } from '../modules.js';
import { makeArm64Image } from '../testing/arm64-image.js';
import { makeBzImage, makeElf } from '../testing/bzimage.js';
import { listTree, writeTree } from '../testing/directory.js';
import { makeModule } from '../testing/module.js';
import { parseModulesOrder } from './build-tree.js';
import { locateKernel } from './locate.js';

let directory: string;
let tree: string;
let cache: Cache;
beforeEach(async () => {
  // The cache's links name files as they are told to be; so are the files of these tests.
  directory = await realpath(await mkdtemp(join(tmpdir(), 'vmtest-tree-')));
  tree = join(directory, 'linux');
  cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
  await writeTree(tree, {
    Kbuild: '',
    Kconfig: '',
    '.config': 'CONFIG_64BIT=y\n',
    'include/config/kernel.release': '6.9.1-dirty\n',
    'arch/x86/boot/bzImage': makeBzImage({ payload: Buffer.alloc(64) }),
    'modules.builtin': 'kernel/fs/ext4/ext4.ko\n',
    'modules.builtin.modinfo': 'ext4.alias=fs-ext4\0',
  });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const locate = () => locateKernel(cache, tree, { arch: 'x86_64' });
async function modulesOf() {
  const { modules } = await locate();
  const found = await modules?.('6.9.1-dirty');
  return found === undefined ? undefined : readModuleSet(found);
}

/** virtio_mmio needs virtio, as in Linux. */
async function buildModules(order: 'o' | 'ko' | 'installed'): Promise<void> {
  const names = ['drivers/virtio/virtio', 'drivers/virtio/virtio-mmio', 'kernel/configs'];
  await makeModule(join(tree, `${names[0]}.ko`), { exports: ['register_virtio'] });
  await makeModule(join(tree, `${names[1]}.ko`), { uses: ['register_virtio'], alias: 'of:virtio,mmio' });
  await makeModule(join(tree, `${names[2]}.ko`), {});
  const lines = names.map((name) => (order === 'o' ? `${name}.o` : `${order === 'ko' ? '' : 'kernel/'}${name}.ko`));
  await writeFile(join(tree, 'modules.order'), `${lines.join('\n')}\n`);
}

describe('a build tree', () => {
  it('has an image, a release and a configuration', async () => {
    const image = join(tree, 'arch/x86/boot/bzImage');
    expect(await locate()).toMatchObject({
      image,
      label: image,
      release: '6.9.1-dirty',
      config: join(tree, '.config'),
    });
  });

  it.each(['o', 'ko', 'installed'] as const)(
    'has modules, listed in the form "%s", without an installation',
    async (form) => {
      await buildModules(form);
      const before = await listTree(tree);
      const set = await modulesOf();
      expect(set?.release).toBe('6.9.1-dirty');
      expect([...(set?.byName.keys() ?? [])].sort()).toEqual(['configs', 'virtio', 'virtio_mmio']);
      expect([...(set?.builtin ?? [])]).toEqual(['ext4']);
      expect(set?.aliases).toContain('alias of:virtio,mmio virtio_mmio');
      const ordered = set === undefined ? [] : inLoadOrder(set, ['virtio_mmio']);
      expect(ordered.map(({ name }) => name)).toEqual(['virtio', 'virtio_mmio']);
      expect(await Promise.all(ordered.map(({ path }) => realpath(path)))).toEqual([
        join(tree, 'drivers/virtio/virtio.ko'),
        join(tree, 'drivers/virtio/virtio-mmio.ko'),
      ]);
      expect(await listTree(tree)).toEqual(before);
    },
  );

  it('is looked at again when a module was built again', async () => {
    await buildModules('o');
    const { modules } = await locate();
    const first = await modules?.(undefined);
    expect(await modules?.(undefined)).toBe(first);
    await makeModule(join(tree, 'drivers/virtio/virtio-mmio.ko'), {});
    expect(await modules?.(undefined)).not.toBe(first);
    const set = await modulesOf();
    expect(set?.byName.get('virtio_mmio')?.needs).toEqual([]);
  });

  it('may have modules that are not built, or none', async () => {
    await buildModules('o');
    await unlink(join(tree, 'drivers/virtio/virtio-mmio.ko'));
    expect([...((await modulesOf())?.byName.keys() ?? [])].sort()).toEqual(['configs', 'virtio']);
    await unlink(join(tree, 'modules.order'));
    expect([...((await modulesOf())?.byName.keys() ?? [])]).toEqual([]);
    await unlink(join(tree, 'modules.builtin'));
    expect(await modulesOf()).toBeUndefined();
  });

  it('boots what was built last', async () => {
    const vmlinux = join(tree, 'vmlinux');
    await writeFile(vmlinux, makeElf(''));
    await utimes(vmlinux, 1000, 1000);
    expect((await locate()).image).toBe(join(tree, 'arch/x86/boot/bzImage'));
    await utimes(join(tree, 'arch/x86/boot/bzImage'), 999, 999);
    expect((await locate()).image).toBe(vmlinux);
  });

  it('has images of the architecture that is asked for, else what there is', async () => {
    await writeTree(tree, { 'arch/arm64/boot/Image': makeArm64Image('') });
    expect((await locateKernel(cache, tree, { arch: 'aarch64' })).image).toBe(join(tree, 'arch/arm64/boot/Image'));
    expect((await locate()).image).toBe(join(tree, 'arch/x86/boot/bzImage'));
    await unlink(join(tree, 'arch/x86/boot/bzImage'));
    expect((await locate()).image).toBe(join(tree, 'arch/arm64/boot/Image'));
  });

  it('may lie beside the sources', async () => {
    await unlink(join(tree, 'Kbuild'));
    expect((await locate()).release).toBe('6.9.1-dirty');
    await rm(join(tree, 'include'), { recursive: true });
    await rm(join(tree, 'arch'), { recursive: true });
    await expect(locate()).rejects.toThrow('neither a kernel build tree');
    await symlink(directory, join(tree, 'source'));
    await expect(locate()).rejects.toThrow('is configured but not built');
  });

  it('says what to run where nothing is built', async () => {
    await rm(join(tree, 'arch'), { recursive: true });
    await expect(locate()).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: `kernel ${tree}: is configured but not built: run \`make -C ${tree} -j$(nproc) bzImage modules\``,
    });
    await rm(join(tree, 'include'), { recursive: true });
    await expect(locateKernel(cache, tree, { arch: 'aarch64' })).rejects.toThrow('ARCH=arm64 Image modules`');
    await unlink(join(tree, '.config'));
    await expect(locate()).rejects.toThrow(`is not configured: run \`make -C ${tree} defconfig\``);
  });

  it.each(['', '../../etc', 'six', '6.1/../..'])('refuses the release "%s"', async (release) => {
    await writeTree(tree, { 'include/config/kernel.release': `${release}\n` });
    await expect(locate()).rejects.toThrow('does not say its release');
  });
});

describe('parseModulesOrder', () => {
  it('knows all forms', () => {
    expect(parseModulesOrder('fs/a.o\nfs/b.ko\nkernel/fs/c.ko\n\nfs/a.o\nREADME\n')).toEqual([
      ['fs/a.ko'],
      ['fs/b.ko'],
      ['kernel/fs/c.ko', 'fs/c.ko'],
    ]);
  });

  it('never leads out of the tree', () => {
    expect(parseModulesOrder('/etc/a.ko\n../a.ko\nfs/../../a.ko\nkernel/../../a.ko\n')).toEqual([]);
    const name = fc.constantFrom('..', '.', 'kernel', 'a', '', 'b.ko', 'c.o');
    const line = fc.array(name, { maxLength: 5 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const path of parseModulesOrder(lines.join('\n')).flat()) {
          expect(join('/tree', path).startsWith('/tree/')).toBe(true);
          expect(path.split('/')).not.toContain('..');
        }
      }),
    );
  });
});
