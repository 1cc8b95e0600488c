/** Kernels of every kind, down to the two files that a guest boots from. */
import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../cleanup.js';
import type { Cache } from './cache.js';
import { configFragment } from './kernels/fragment.js';
import { type ImageRequest, resolveImages } from './resolve.js';
import { makeArm64Image } from './testing/arm64-image.js';
import { makeBzImage, makeElf } from './testing/bzimage.js';
import { writeTree } from './testing/directory.js';
import { makeModule } from './testing/module.js';
import { makeDeb } from './testing/package.js';

const RELEASE = '6.9.1-test';
const vmlinux = makeElf(`Linux version ${RELEASE} (me@here) #1 SMP`);
const bzImage = makeBzImage({ payload: gzipSync(vmlinux), release: RELEASE });
const config = configFragment('x86_64').replace(/CONFIG_VIRTIO_(MMIO|VSOCKETS)=y/g, 'CONFIG_VIRTIO_$1=m');

let directory: string;
let tree: string;
let cache: Cache;
let base: Pick<ImageRequest, 'agent' | 'initrd' | 'arch'>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-resolve-'));
  tree = join(directory, 'linux');
  cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
  base = { agent: join(directory, 'agent'), initrd: join(directory, 'initrd'), arch: 'x86_64' };
  await writeTree(directory, { agent: 'the agent', initrd: gzipSync('an archive') });
  await writeTree(tree, {
    '.config': config,
    'include/config/kernel.release': `${RELEASE}\n`,
    'arch/x86/boot/bzImage': bzImage,
    'modules.order': 'drivers/virtio/virtio_mmio.o\nnet/vmw_vsock/vmw_vsock_virtio_transport.o\n',
    'modules.builtin': '',
  });
  await makeModule(join(tree, 'drivers/virtio/virtio_mmio.ko'), {});
  await makeModule(join(tree, 'net/vmw_vsock/vmw_vsock_virtio_transport.ko'), { exports: ['marker'] });
});
afterEach(async () => {
  await cache.cleanup[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const resolve = (request: Partial<ImageRequest>) => resolveImages(cache, { ...base, ...request }, {});
const TRANSPORT = 'vmtest/modules/vmw_vsock_virtio_transport.ko';

/** What is in the finished archive, behind the user's own. */
async function memberOf(initrd: string, name: string): Promise<Buffer> {
  const own = Math.ceil((await readFile(base.initrd ?? '')).length / 4) * 4;
  const input = (await readFile(initrd)).subarray(own);
  return Buffer.from(
    (await execa('cpio', ['-i', '--quiet', '--to-stdout', name], { input, encoding: 'buffer' })).stdout,
  );
}

/** The tree's kernel, installed as packages have it. */
async function install(root: string): Promise<void> {
  const modules = `lib/modules/${RELEASE}/kernel`;
  await writeTree(root, {
    [`boot/vmlinuz-${RELEASE}`]: bzImage,
    [`boot/config-${RELEASE}`]: config,
    [`${modules}/virtio_mmio.ko`]: await readFile(join(tree, 'drivers/virtio/virtio_mmio.ko')),
    [`${modules}/vmw_vsock_virtio_transport.ko`]: await readFile(
      join(tree, 'net/vmw_vsock/vmw_vsock_virtio_transport.ko'),
    ),
  });
}

describe('resolveImages', () => {
  it.each(['build tree', 'directory', 'package', 'file'])(
    'takes a kernel from a %s, with its modules',
    async (kind) => {
      const root = join(directory, 'root');
      await install(root);
      const deb = join(directory, 'linux.deb');
      await writeFile(deb, makeDeb((await execa('tar', ['-c', '.'], { cwd: root, encoding: 'buffer' })).stdout));
      const image = join(root, `boot/vmlinuz-${RELEASE}`);
      const [kernel, label] = {
        'build tree': [tree, join(tree, 'arch/x86/boot/bzImage')],
        directory: [root, image],
        package: [deb, deb],
        file: [image, image],
      }[kind] ?? ['', ''];
      const images = await resolve({ kernel });
      expect(images.kernel).toMatchObject({ label, release: RELEASE, arch: 'x86_64' });
      expect((await readFile(images.kernel.path)).equals(vmlinux)).toBe(true);
      const transport = await memberOf(images.initrd, TRANSPORT);
      expect(transport.equals(await readFile(join(tree, 'net/vmw_vsock/vmw_vsock_virtio_transport.ko')))).toBe(true);
      expect(await resolve({ kernel })).toEqual(images);
    },
  );

  it('sees that the kernel and its modules were built again', async () => {
    const before = await resolve({ kernel: tree });
    const other = makeElf(`Linux version ${RELEASE} (me@here) #2 SMP`);
    const payload = gzipSync(other);
    await writeFile(join(tree, 'arch/x86/boot/bzImage'), makeBzImage({ payload, release: RELEASE }));
    await makeModule(join(tree, 'net/vmw_vsock/vmw_vsock_virtio_transport.ko'), { exports: ['another'] });
    const after = await resolve({ kernel: tree });
    expect((await readFile(after.kernel.path)).equals(other)).toBe(true);
    expect(after.initrd).not.toBe(before.initrd);
  });

  it('lets --modules override what was found', async () => {
    const modules = join(directory, 'mine', RELEASE);
    await makeModule(join(modules, 'virtio_mmio.ko'), {});
    await makeModule(join(modules, 'vmw_vsock_virtio_transport.ko'), { alias: 'mine' });
    const { initrd } = await resolve({ kernel: tree, modules });
    expect((await memberOf(initrd, TRANSPORT)).includes('alias=mine')).toBe(true);
    await expect(resolve({ kernel: tree, modules: directory })).rejects.toThrow('no modules.dep there');
  });

  it('says what the configuration lacks, for this guest', async () => {
    const without = (symbol: string) => writeFile(join(tree, '.config'), config.replace(`CONFIG_${symbol}=y\n`, ''));
    await without('TMPFS');
    await expect(resolve({ kernel: tree })).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      context: { lines: ['CONFIG_TMPFS=y'] },
    });
    await without('VIRTIO_BLK');
    await resolve({ kernel: tree });
    await expect(resolve({ kernel: tree, features: ['disks'] })).rejects.toThrow('no CONFIG_VIRTIO_BLK: disks are');
    await without('RD_GZIP');
    await expect(resolve({ kernel: tree })).rejects.toThrow('no CONFIG_RD_GZIP: the file of --initrd is compressed');
    await writeFile(join(tree, '.config'), config);
    await unlink(join(tree, 'drivers/virtio/virtio_mmio.ko'));
    await expect(resolve({ kernel: tree })).rejects.toThrow(
      /CONFIG_VIRTIO_MMIO as a module, but .* lacks virtio_mmio;/,
    );
  });

  it('knows no configuration and asks for none', async () => {
    const kernel = join(directory, 'vmlinux');
    await writeFile(kernel, makeElf(''));
    expect((await resolve({ kernel })).kernel).toEqual({
      path: kernel,
      label: kernel,
      arch: 'x86_64',
      release: undefined,
    });
  });

  it('takes kernels of the architecture that is asked for', async () => {
    const kernel = join(directory, 'Image');
    await writeFile(kernel, makeArm64Image('Linux version 6.9.1 (me@here)'));
    expect((await resolve({ kernel, arch: 'aarch64' })).kernel).toMatchObject({ arch: 'aarch64', release: '6.9.1' });
    await expect(resolve({ kernel })).rejects.toThrow(
      `kernel ${kernel}: is built for aarch64, and the guest is to be x86_64`,
    );
    await expect(resolve({ kernel: tree, arch: 'aarch64' })).rejects.toThrow(
      'is built for x86_64, and the guest is to be aarch64',
    );
  });
});
