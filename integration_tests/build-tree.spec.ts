/** A kernel in the tree where it was built: nothing is installed, and nothing is written there. */
import { execFile, execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, type TestInfo, test } from '@playwright/test';
import { runInGuest } from './support/cli.js';

const TINY_KERNEL = fileURLToPath(new URL('../ci/tiny-kernel', import.meta.url));

let trees = '';
test.beforeAll(async () => {
  const found = await promisify(execFile)(TINY_KERNEL, ['--path']).catch((error: { stderr?: string }) => error);
  trees = 'stdout' in found ? found.stdout.trim() : '';
  test.skip(trees === '', found.stderr?.trim() || 'ci/tiny-kernel does not run');
});

const treeOf = (kind: 'builtin' | 'modules'): string => join(trees, kind);

/** Everything in a directory, with what a write would change. */
async function listing(directory: string): Promise<string[]> {
  const names = (await readdir(directory, { recursive: true })).sort();
  const line = async (name: string): Promise<string> => {
    const { size, mtimeMs, ctimeMs } = await stat(join(directory, name));
    return `${name} ${size} ${mtimeMs} ${ctimeMs}`;
  };
  return Promise.all(['.', ...names].map(line));
}

/** A user space of one program, with a directory to remove. */
async function makeRoot(info: TestInfo): Promise<string> {
  const root = info.outputPath('root');
  for (const path of ['bin', 'proc', 'sys', 'dev', 'run', 'tmp', 'old/inner']) {
    await mkdir(join(root, path), { recursive: true });
  }
  await cp('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of ['sh', 'cat', 'ls', 'mkdir', 'mount', 'rm']) await symlink('busybox', join(root, 'bin', applet));
  return root;
}

/** What the root is mounted from, then whether a directory of it can be removed and made again. */
const REMAKE = 'mount; rm -r /old && mkdir /old && ls -a /old';

test('everything built in: a command runs, without a module', async () => {
  const { code, stdout, stderr } = await runInGuest('uname -r; cat /proc/modules', ['--kernel', treeOf('builtin')]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^6\.1\.\d+-tiny\n$/);
});

test('modules out of the tree bring the guest up and mount a disk; nothing is written there', async () => {
  const tree = treeOf('modules');
  const before = await listing(tree);
  const disk = test.info().outputPath('disk.img');
  execFileSync('mke2fs', ['-q', '-t', 'ext4', disk, '16M']);
  const script = 'uname -r; mount -t ext4 /dev/vda /mnt && echo kept > /mnt/file && cat /mnt/file /proc/modules';
  const { code, stdout, stderr } = await runInGuest(script, ['--kernel', tree, '--disk', disk]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^6\.1\.\d+-tiny-modules\nkept\n/);
  const loaded = [...stdout.matchAll(/^(\w+) \d+ .*\bLive /gm)].map(([, name]) => name);
  expect(loaded).toEqual(
    expect.arrayContaining(['virtio_mmio', 'vmw_vsock_virtio_transport', 'virtio_blk', 'virtio_rng', 'ext4', 'jbd2']),
  );
  expect(await listing(tree)).toEqual(before);
});

test('a directory is the root, by modules out of the tree', async () => {
  const root = await makeRoot(test.info());
  const script = `${REMAKE}; cat /proc/modules`;
  const { code, stdout, stderr } = await runInGuest(script, ['--kernel', treeOf('modules'), '--root', root]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^overlay on \/ type overlay /m);
  expect(stdout).toMatch(/^\.\n\.\.\n/m);
  expect(stdout).toMatch(/^erofs /m);
  expect(stdout).toMatch(/^overlay /m);
});

test('a tarball is the root, with everything built in', async () => {
  const info = test.info();
  const tarball = info.outputPath('root.tar');
  execFileSync('tar', ['-C', await makeRoot(info), '-cf', tarball, '.']);
  const { code, stdout, stderr } = await runInGuest(REMAKE, ['--kernel', treeOf('builtin'), '--root', tarball]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^overlay on \/ type overlay /m);
  expect(stdout).toMatch(/\n\.\n\.\.\n$/);
});

/** A tree of its own that can be changed. */
async function copyOf(kind: 'builtin' | 'modules', info: TestInfo): Promise<string> {
  const copy = info.outputPath('linux');
  await cp(treeOf(kind), copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

for (const { symbol, why, flags } of [
  { symbol: 'VIRTIO_VSOCKETS', why: 'guests are reached through it', flags: () => [] },
  { symbol: 'PCI', why: 'ACPI does not start without it', flags: () => [] },
  {
    symbol: 'TMPFS_XATTR',
    why: 'the overlay over the root keeps its marks in extended attributes',
    flags: async (info: TestInfo) => ['--root', await makeRoot(info)],
  },
]) {
  test(`without CONFIG_${symbol} no guest is started, and the message has the line to add`, async () => {
    const info = test.info();
    const tree = await copyOf('builtin', info);
    const config = await readFile(join(tree, '.config'), 'utf8');
    await writeFile(join(tree, '.config'), config.replace(`CONFIG_${symbol}=y`, `# CONFIG_${symbol} is not set`));
    const { code, stderr } = await runInGuest('true', ['--kernel', tree, ...(await flags(info))]);
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(`this kernel has no CONFIG_${symbol}: ${why}; add these lines to its configuration:`);
    expect(stderr).toMatch(new RegExp(`^\\W*CONFIG_${symbol}=y$`, 'm'));
  });
}

test('a module that is configured and not built: no guest is started, and the message names it', async () => {
  const info = test.info();
  const tree = await copyOf('modules', info);
  await rm(join(tree, 'drivers/block/virtio_blk.ko'));
  const disk = info.outputPath('disk.img');
  await writeFile(disk, Buffer.alloc(1 << 20));
  const { code, stderr } = await runInGuest('true', ['--kernel', tree, '--disk', disk]);
  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(/this kernel has CONFIG_VIRTIO_BLK as a module, but \S+ lacks virtio_blk; /);
});
