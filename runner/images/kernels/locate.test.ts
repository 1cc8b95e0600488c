import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import type { Cache } from '../cache.js';
import { type CpioEntry, encodeCpio } from '../cpio.js';
import { readModuleSet } from '../modules.js';
import { makeElf } from '../testing/bzimage.js';
import { listTree, writeTree } from '../testing/directory.js';
import { makeModule } from '../testing/module.js';
import { makeAr, makeDeb, makeRpm } from '../testing/package.js';
import { locateKernel } from './locate.js';

const RELEASE = '6.9.1-test';
const vmlinux = makeElf(`Linux version ${RELEASE} (me@here) #1 SMP`);

let directory: string;
let root: string;
let cache: Cache;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-locate-'));
  root = join(directory, 'root');
  cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const locate = (path: string) => locateKernel(cache, path, { arch: 'x86_64' });

/** As a package has it: depmod was never there. */
async function fillRoot(lib = 'lib'): Promise<void> {
  await writeTree(root, {
    [`boot/vmlinuz-${RELEASE}`]: vmlinux,
    [`boot/config-${RELEASE}`]: 'CONFIG_64BIT=y\n',
    [`boot/System.map-${RELEASE}`]: '',
    [`${lib}/modules/${RELEASE}/modules.builtin`]: 'kernel/fs/ext4.ko\n',
    'usr/share/doc/linux/copyright': 'GPL',
  });
  const modules = join(root, lib, 'modules', RELEASE);
  await makeModule(join(modules, 'kernel/virtio.ko'), { exports: ['register_virtio'] });
  await makeModule(join(modules, 'kernel/virtio_mmio.ko'), { uses: ['register_virtio'] });
  await symlink('/usr/src/linux', join(modules, 'build'));
}

async function expectModules(path: string | undefined): Promise<void> {
  const set = await readModuleSet(path ?? 'none');
  expect(set.release).toBe(RELEASE);
  expect(set.byName.get('virtio_mmio')?.needs).toEqual(['virtio']);
  expect([...set.builtin]).toEqual(['ext4']);
}

describe('a directory', () => {
  it.each(['lib', 'usr/lib'])(
    'has a kernel in boot/ and modules in %s/modules, and is never written to',
    async (lib) => {
      await fillRoot(lib);
      const before = await listTree(root);
      const located = await locate(root);
      const image = join(root, `boot/vmlinuz-${RELEASE}`);
      expect(located).toMatchObject({ image, label: image, release: RELEASE });
      const modules = await located.modules?.(undefined);
      await expectModules(modules);
      expect(await listTree(root)).toEqual(before);
      expect(modules?.startsWith(cache.root)).toBe(true);

      // Where depmod was, its work is used.
      await execa('depmod', ['-b', join(root, lib, '..'), RELEASE], { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } });
      expect(await located.modules?.(undefined)).toBe(join(root, lib, 'modules', RELEASE));
      expect(await located.modules?.('6.9.2')).toBeUndefined();
      expect(await located.modules?.('../../../etc')).toBeUndefined();
    },
  );

  it('takes the best of several files of one kernel', async () => {
    await fillRoot();
    await writeTree(root, {
      [`boot/vmlinux-${RELEASE}`]: '',
      'boot/vmlinuz-0-rescue-1': '',
      'boot/vmlinuz-6.8.old': '',
    });
    await symlink(`vmlinuz-${RELEASE}`, join(root, 'boot/vmlinuz'));
    await symlink('vmlinuz-gone', join(root, 'boot/vmlinuz-6.1.0'));
    expect((await locate(root)).image).toBe(join(root, `boot/vmlinuz-${RELEASE}`));
  });

  it('may keep the kernel with its modules', async () => {
    await writeTree(root, { [`lib/modules/${RELEASE}/vmlinuz`]: vmlinux });
    expect(await locate(root)).toMatchObject({ release: RELEASE, image: join(root, `lib/modules/${RELEASE}/vmlinuz`) });
  });

  it('may have a kernel without a release in its name', async () => {
    await writeTree(root, { 'boot/bzImage': vmlinux });
    const located = await locate(root);
    expect(located.release).toBeUndefined();
    expect(await located.modules?.(undefined)).toBeUndefined();
  });

  it('with several kernels lists them', async () => {
    await writeTree(root, { 'boot/vmlinuz-6.1': '', 'boot/vmlinuz-6.2': '', 'lib/modules/6.3/vmlinuz': '' });
    await expect(locate(root)).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: `kernel ${root}: holds 3 kernels, name one of them: boot/vmlinuz-6.1, boot/vmlinuz-6.2, lib/modules/6.3/vmlinuz`,
    });
  });

  it('says that it has no kernel', async () => {
    await mkdir(join(root, 'boot'), { recursive: true });
    await expect(locate(root)).rejects.toThrow('holds no kernel: neither boot/vmlinuz-RELEASE');
    await expect(locate(directory)).rejects.toThrow('is a directory, but neither a kernel build tree');
    await expect(locate(join(directory, 'none'))).rejects.toThrow('none: does not exist');
    await expect(locate('/dev/null')).resolves.toEqual({ image: '/dev/null', label: '/dev/null' });
  });
});

/** What every package must come to. */
async function expectPackage(path: string): Promise<void> {
  const located = await locate(path);
  expect(located).toMatchObject({ label: path, release: RELEASE });
  expect(located.image.startsWith(cache.root)).toBe(true);
  expect((await readFile(located.image)).equals(vmlinux)).toBe(true);
  await expectModules(await located.modules?.(undefined));
  const unpacked = join(located.image, '../..');
  expect(await listTree(unpacked)).not.toContain('usr');
  expect(await listTree(join(unpacked, 'boot'))).toContain(`config-${RELEASE}`);
  expect((await locate(path)).image).toBe(located.image);
  expect(await listTree(join(cache.root, 'tmp'))).toEqual([]);
}

describe('a Debian package', () => {
  it.each(['gzip', 'xz', 'zstd', 'none'])('in %s is unpacked once', async (compression) => {
    await fillRoot();
    const control =
      'Package: linux-image-test\nVersion: 1\nArchitecture: amd64\nMaintainer: me <me@here>\nDescription: x\n';
    await writeTree(root, { 'DEBIAN/control': control });
    const path = join(directory, 'linux.deb');
    await execa('dpkg-deb', [`-Z${compression}`, '--root-owner-group', '-b', root, path]);
    await expectPackage(path);
  });

  const tar = async (...args: string[]): Promise<Buffer> => {
    await mkdir(join(root, 'boot'), { recursive: true });
    await writeFile(join(directory, 'outside'), 'x');
    return Buffer.from((await execa('tar', ['-cP', ...args], { cwd: root, encoding: 'buffer' })).stdout);
  };
  it.each([
    ['its files', '"../outside", which leads out', async () => makeDeb(await tar('../outside'))],
    ['an absolute path', 'which leads out', async () => makeDeb(await tar(join(directory, 'outside')))],
    [
      'a link',
      'its link "boot/vmlinuz-6.1" to "/etc/passwd" leads out of it',
      async () => {
        await mkdir(join(root, 'boot'), { recursive: true });
        await symlink('/etc/passwd', join(root, 'boot/vmlinuz-6.1'));
        return makeDeb(await tar('boot'));
      },
    ],
    ['an end that is missing', 'damaged gzip data', async () => cut(await tar('boot'))],
    ['no files', 'it holds no data.tar', async () => makeAr([['debian-binary', Buffer.from('2.0\n')]])],
    ['an ar that is none', 'a wrong ar header', async () => Buffer.from(`!<arch>\n${'x'.repeat(100)}`)],
    ['a part that is not there', 'it ends too early', async () => makeDeb(await tar('boot')).subarray(0, -40)],
    ['nothing in it', 'it ends too early', async () => makeDeb(Buffer.alloc(0))],
  ])('is refused for %s', async (_, reason, make) => {
    const path = join(directory, 'bad.deb');
    await writeFile(path, await make());
    await expect(locate(path)).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringMatching(`^kernel ${path}: the package cannot be unpacked: .*${reason}`),
    });
    expect(await listTree(cache.root)).toEqual(['tmp']);
  });

  /** A package whose archive was cut before it was put in. */
  const cut = (data: Buffer): Buffer => makeAr([['data.tar.gz', gzipSync(data).subarray(0, -20)]]);

  it('is left alone when the user has enough', async () => {
    const path = join(directory, 'linux.deb');
    await writeFile(path, makeDeb(await tar('boot')));
    const said: string[] = [];
    const signal = AbortSignal.abort(new VmtestError('VMTEST_INTERRUPTED', 'interrupted'));
    const options = { arch: 'x86_64', signal, onProgress: (message: string) => void said.push(message) } as const;
    await expect(locateKernel(cache, path, options)).rejects.toMatchObject({ code: 'VMTEST_INTERRUPTED' });
    expect(said).toEqual([`unpacking ${path}`]);
    expect(await listTree(cache.root)).toEqual(['tmp']);
  });

  it('without a kernel says so', async () => {
    const path = join(directory, 'linux-headers.deb');
    await writeFile(path, makeDeb(await tar('boot')));
    await expect(locate(path)).rejects.toThrow(`kernel ${path}: holds no kernel`);
  });
});

const rpmbuild = (await execa('rpmbuild', ['--version'], { reject: false })).failed ? 'rpmbuild is not installed' : '';

describe('an RPM package', () => {
  it.for(['w9.gzdio', 'w2.xzdio', 'w3.zstdio', 'w9.bzdio'])(
    'that rpmbuild made with %s is unpacked once',
    async (payload, context) => {
      if (rpmbuild !== '') context.skip(rpmbuild);
      await fillRoot();
      const spec = [
        'Name: kernel-test\nVersion: 1\nRelease: 1\nSummary: x\nLicense: GPL\nAutoReqProv: no\n%description\nx',
        `%install\ncp -a ${root}/. %{buildroot}/`,
        '%files\n/boot\n/lib/modules\n/usr/share/doc/linux',
      ];
      await writeFile(join(directory, 'kernel.spec'), `${spec.join('\n')}\n`);
      const defines = [
        `_topdir ${directory}/rpm`,
        `_binary_payload ${payload}`,
        '__os_install_post %{nil}',
        'debug_package %{nil}',
      ];
      const args = defines.flatMap((define) => ['--define', define]);
      await execa('rpmbuild', ['-bb', '--target', 'x86_64', ...args, join(directory, 'kernel.spec')], {
        env: { HOME: directory },
      });
      await expectPackage(join(directory, 'rpm/RPMS/x86_64/kernel-test-1-1.x86_64.rpm'));
    },
  );

  const archive = (entries: [string, CpioEntry][]): Buffer => Buffer.concat(encodeCpio(new Map(entries)));
  const kernel: [string, CpioEntry] = ['./boot/vmlinuz-6.9.1', { type: 'file', data: vmlinux }];

  it.each([
    ['compressed', (data: Buffer) => gzipSync(data)],
    ['plain', (data: Buffer) => data],
  ])('with a %s archive is unpacked', async (_, pack) => {
    const path = join(directory, 'kernel.rpm');
    await writeFile(path, makeRpm(pack(archive([kernel]))));
    expect(await locate(path)).toMatchObject({ label: path, release: '6.9.1' });
  });

  it.each([
    ['leads out', makeRpm(gzipSync(archive([['../out', { type: 'file', data: vmlinux }]])))],
    ['leads out of it', makeRpm(gzipSync(archive([['boot/vmlinuz-6.1', { type: 'symlink', target: '../../x' }]])))],
    [
      'neither a file nor a directory',
      makeRpm(archive([['boot/a', { type: 'character-device', major: 1, minor: 3 }]])),
    ],
    ['ends too early', makeRpm(Buffer.alloc(0))],
    ['ends too early', makeRpm(Buffer.alloc(0)).subarray(0, 120)],
    ['a wrong RPM header', makeRpm(Buffer.alloc(0)).fill(1, 96, 100)],
    ['a wrong cpio header', makeRpm(Buffer.alloc(400))],
    ['damaged gzip data', makeRpm(gzipSync(archive([kernel])).subarray(0, 60))],
    ['ends too early', makeRpm(gzipSync(archive([kernel]).subarray(0, 200)))],
  ])('is refused: %s', async (reason, data) => {
    const path = join(directory, 'bad.rpm');
    await writeFile(path, data);
    await expect(locate(path)).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: expect.stringMatching(`^kernel ${path}: the package cannot be unpacked: .*${reason}`),
    });
    expect(await listTree(directory)).not.toContain('out');
  });
});
