import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../cleanup.js';
import { buildInitramfs } from './initramfs.js';
import {
  checkFileSystem,
  checkMountModules,
  checkNeeded,
  findModules,
  inLoadOrder,
  mountModules,
  readModuleSet,
} from './modules.js';

const DEP = `kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio_mmio.ko.gz: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/net/vmw_vsock_virtio_transport.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/misc/pvpanic-mmio.ko: kernel/drivers/misc/pvpanic.ko
kernel/drivers/misc/pvpanic.ko:
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko
kernel/fs/jbd2/jbd2.ko:
`;

let base: string;
let modules: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'vmtest-modules-'));
  modules = join(base, 'lib/modules/6.9.1');
  for (const line of DEP.trim().split('\n')) {
    const path = join(modules, line.split(':')[0] ?? '');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, path.endsWith('.gz') ? gzipSync('the module') : 'the module');
  }
  await writeFile(join(modules, 'modules.dep'), DEP);
  await writeFile(join(modules, 'modules.builtin'), 'kernel/drivers/char/hw_random/virtio-rng.ko\n');
  await writeFile(join(modules, 'modules.alias'), '# comment\nalias fs-ext4 ext4\nalias fs-xfs xfs\n');
});
afterEach(() => rm(base, { recursive: true, force: true }));

const names = (list: { name: string }[]) => list.map(({ name }) => name);

describe('inLoadOrder', () => {
  it('puts each module after what it needs, once, without the built-in ones', async () => {
    const set = await readModuleSet(modules);
    expect(set.release).toBe('6.9.1');
    expect(
      names(inLoadOrder(set, ['pvpanic-mmio', 'virtio_mmio', 'vmw_vsock_virtio_transport', 'virtio_rng'])),
    ).toEqual(['pvpanic', 'pvpanic_mmio', 'virtio', 'virtio_ring', 'virtio_mmio', 'vmw_vsock_virtio_transport']);
  });
});

describe('readModuleSet', () => {
  it('says what is missing', async () => {
    await expect(readModuleSet(base)).rejects.toThrow(`modules ${base}: no modules.dep there; run`);
    await writeFile(join(modules, 'modules.dep'), 'kernel/drivers/virtio/virtio_mmio.ko:\n');
    const set = await readModuleSet(modules);
    expect(() => checkNeeded(set)).toThrow('kernel 6.9.1: lacks the module vmw_vsock_virtio_transport');
  });
});

describe('checkFileSystem', () => {
  it('says what cannot be mounted', async () => {
    const set = await readModuleSet(modules);
    expect(() => checkFileSystem(set, 'ext4')).not.toThrow();
    expect(() => checkFileSystem(set, 'erofs')).toThrow('kernel 6.9.1: lacks the module erofs, which mounts the root');
  });
});

describe('checkMountModules', () => {
  it('says which kernel has what is missing', async () => {
    const set = await readModuleSet(modules);
    expect(() => checkMountModules(set, '/k')).toThrow(
      'kernel /k lacks 9pnet_virtio and 9p, without which it mounts no directory of the host; take one that has it, like --kernel generic',
    );
    expect(() => checkMountModules({ ...set, builtin: new Set(['9p', '9pnet_virtio']) }, '/k')).not.toThrow();
  });
});

describe('findModules', () => {
  it('looks beside the kernel as packages are laid out', async () => {
    expect(await findModules(join(base, 'boot/vmlinuz'), '6.9.1')).toBe(modules);
    expect(await findModules(join(base, 'vmlinux'), '6.9.1')).toBe(modules);
    expect(await findModules(join(base, 'vmlinux'), '6.9.2')).toBeUndefined();
  });
});

describe('buildInitramfs', () => {
  const list = async (path: string): Promise<string> =>
    (await execa('cpio', ['-t', '--quiet'], { inputFile: path })).stdout;
  const extract = async (path: string, name: string): Promise<string> =>
    (await execa('cpio', ['-i', '--quiet', '--to-stdout', name], { inputFile: path })).stdout;

  it('has the agent as init, eager modules decompressed in a list, lazy ones for modprobe', async () => {
    const cache = { root: join(base, 'cache'), cleanup: createCleanup() };
    const agent = join(base, 'agent');
    const busybox = join(base, 'busybox');
    await writeFile(agent, 'the agent');
    await writeFile(busybox, 'the box');
    const input = {
      agent,
      modules: await readModuleSet(modules),
      busybox: { path: busybox, applets: ['bin/sh', 'sbin/init'] },
    };
    const path = await buildInitramfs(cache, input);
    expect(await extract(path, 'vmtest/agent')).toBe('the agent');
    expect(await extract(path, 'vmtest/modules/virtio_mmio.ko')).toBe('the module');
    expect((await extract(path, 'vmtest/modules.list')).split('\n')).toEqual([
      '/vmtest/modules/pvpanic.ko',
      '/vmtest/modules/pvpanic_mmio.ko',
      '/vmtest/modules/virtio.ko',
      '/vmtest/modules/virtio_ring.ko',
      '/vmtest/modules/virtio_mmio.ko',
      '/vmtest/modules/vmw_vsock_virtio_transport.ko',
    ]);
    expect(await extract(path, 'lib/modules/6.9.1/modules.dep')).toBe(
      'kernel/jbd2.ko:\nkernel/ext4.ko: kernel/jbd2.ko',
    );
    expect(await extract(path, 'lib/modules/6.9.1/modules.alias')).toBe('alias fs-ext4 ext4');
    expect((await list(path)).split('\n')).toEqual(
      expect.arrayContaining(['init', 'bin/sh', 'sbin/init', 'etc/passwd']),
    );
    // The same input gives the same file; another agent another one.
    expect(await buildInitramfs(cache, input)).toBe(path);
    await writeFile(agent, 'another agent');
    expect(await buildInitramfs(cache, input)).not.toBe(path);
  });

  it('loads what mounts another root, and needs neither busybox nor modprobe then', async () => {
    const cache = { root: join(base, 'cache'), cleanup: createCleanup() };
    const agent = join(base, 'agent');
    await writeFile(agent, 'the agent');
    const input = { agent, modules: await readModuleSet(modules) };
    const path = await buildInitramfs(cache, { ...input, mount: mountModules('ext4') });
    expect((await extract(path, 'vmtest/modules.list')).split('\n').slice(-2)).toEqual([
      '/vmtest/modules/jbd2.ko',
      '/vmtest/modules/ext4.ko',
    ]);
    expect(await list(path)).not.toMatch(/^(lib|bin)\b/m);
    expect(await buildInitramfs(cache, input)).not.toBe(path);
  });

  it("adds to the user's archive, aligned, without an init or a userland", async () => {
    const cache = { root: join(base, 'cache'), cleanup: createCleanup() };
    const agent = join(base, 'agent');
    const initrd = join(base, 'initrd');
    await writeFile(agent, 'the agent');
    await writeFile(initrd, 'odd');
    const path = await buildInitramfs(cache, { agent, modules: await readModuleSet(modules), base: initrd });
    const { stdout } = await execa('sh', ['-c', 'head -c 4 "$0" | od -An -c; tail -c +5 "$0" | cpio -t --quiet', path]);
    expect(stdout).toMatch(/o {3}d {3}d {2}\\0/);
    expect(stdout).toMatch(/^vmtest\/agent$/m);
    expect(stdout).not.toMatch(/^(init|etc|bin|lib)\b/m);
  });
});
