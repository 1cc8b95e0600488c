/** Roots of every kind: packed, mounted, entered. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, type TestInfo, test } from '@playwright/test';
import { dockerFiles, makeTar, ociFiles } from '../runner/images/roots/testing/archives.js';
import { runInGuest } from './support/cli.js';

/** A user space of one program, and a file to know it by. */
async function makeTree(info: TestInfo): Promise<string> {
  const root = info.outputPath('root');
  for (const path of ['bin', 'etc', 'proc', 'sys', 'dev', 'run', 'tmp']) {
    await mkdir(join(root, path), { recursive: true });
  }
  await cp('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of ['sh', 'cat', 'touch', 'mount', 'sync']) await symlink('busybox', join(root, 'bin', applet));
  await writeFile(join(root, 'etc/marker'), 'this root\n');
  return root;
}

const tar = (directory: string, file: string, ...flags: string[]): string => {
  execFileSync('tar', ['-C', directory, ...flags, '-cf', file, '.']);
  return file;
};

/** How each kind is made of the same tree. */
const KINDS: Readonly<Record<string, (tree: string, info: TestInfo) => string>> = {
  'a directory': (tree) => tree,
  'a tarball': (tree, info) => tar(tree, info.outputPath('root.tar')),
  'a compressed tarball': (tree, info) => tar(tree, info.outputPath('root.tar.gz'), '-z'),
  'an ext4 image': (tree, info) => {
    const image = info.outputPath('root.ext4');
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, image, '16M']);
    return image;
  },
  'a squashfs image': (tree, info) => {
    const image = info.outputPath('root.squashfs');
    execFileSync('mksquashfs', [tree, image, '-quiet', '-no-progress', '-all-root']);
    return image;
  },
  'an erofs image': (tree, info) => {
    const image = info.outputPath('root.erofs');
    execFileSync('mkfs.erofs', ['--quiet', image, tree]);
    return image;
  },
};

for (const [kind, make] of Object.entries(KINDS)) {
  test(`${kind} is a root whose writes are lost`, async () => {
    const info = test.info();
    const root = make(await makeTree(info), info);
    const script = 'cat /etc/marker; touch /etc/new && echo written; mount';
    const { code, stdout, stderr } = await runInGuest(script, ['--root', root]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('this root\nwritten\n');
    expect(stdout).toMatch(/^overlay on \/ type overlay /m);
  });
}

const IMAGES: Readonly<Record<string, (tree: string, info: TestInfo) => string>> = {
  'a docker save archive': (tree, info) => saved(tree, info, dockerFiles),
  'an OCI layout': (tree, info) => {
    const layout = info.outputPath('layout');
    mkdirSync(layout);
    execFileSync('tar', ['-C', layout, '-xf', saved(tree, info, ociFiles)]);
    return layout;
  },
};

/** A container image of the tree and a layer over it, which takes a file away and adds one. */
function saved(tree: string, info: TestInfo, filesOf: typeof dockerFiles): string {
  const base = readFileSync(tar(tree, info.outputPath('base.tar')));
  const over = makeTar([
    { name: 'etc/.wh.marker', data: '' },
    { name: 'etc/passwd', data: 'web:x:33:33::/srv:/bin/sh\n' },
    { name: 'srv/', flag: '5' },
  ]);
  const config = { Env: ['GREETING=hello'], WorkingDir: '/srv', User: 'web', Entrypoint: ['/never'] };
  const archive = info.outputPath('image.tar');
  writeFileSync(archive, makeTar(filesOf([{ layers: [base, over], config, tags: ['own:1'] }])));
  return archive;
}

for (const [kind, make] of Object.entries(IMAGES)) {
  test(`${kind} is a root, and its settings are the command's`, async () => {
    const info = test.info();
    const root = make(await makeTree(info), info);
    const script = 'echo $GREETING; pwd; cat /proc/self/status; cat /etc/marker';
    const { code, stdout, stderr } = await runInGuest(script, ['--root', root]);
    expect(code).toBe(1);
    expect(stderr).toContain("can't open '/etc/marker'");
    expect(stdout).toMatch(/^hello\n\/srv\n/);
    expect(stdout).toMatch(/^Uid:\t33\t/m);
  });
}

/** A disk with a GPT, whose second partition has the file system. */
function partitioned(image: string, disk: string): void {
  const size = statSync(image).size;
  execFileSync('truncate', ['-s', `${size + 8 * 2 ** 20}`, disk]);
  const table = `label: gpt\nstart=2048, size=2048, type=linux\nstart=8192, size=${size / 512}, type=linux\n`;
  execFileSync('sfdisk', ['-q', disk], { input: table });
  execFileSync('dd', [
    `if=${image}`,
    `of=${disk}`,
    'bs=4M',
    'seek=4194304',
    'oflag=seek_bytes',
    'conv=notrunc',
    'status=none',
  ]);
}

test('a partition of a disk is a root', async () => {
  const info = test.info();
  const image = KINDS['an ext4 image']?.(await makeTree(info), info) ?? '';
  const disk = info.outputPath('disk.img');
  partitioned(image, disk);
  const { code, stdout, stderr } = await runInGuest('cat /etc/marker', ['--root', `${disk}:2`]);
  expect(code, stderr).toBe(0);
  expect(stdout).toBe('this root\n');
});

test('an image that may be written keeps what was written', async () => {
  const info = test.info();
  const root = KINDS['an ext4 image']?.(await makeTree(info), info) ?? '';
  expect((await runInGuest('echo kept > /etc/new', ['--root', `${root},rw`])).code).toBe(0);
  const again = await runInGuest('cat /etc/new; mount', ['--root', root]);
  expect(again.stdout).toContain('kept\n');
});

test('an init of the root is PID 1, and the agent its service', async () => {
  const info = test.info();
  const tree = await makeTree(info);
  await writeFile(join(tree, 'bin/own-init'), '#!/bin/sh\nwhile :; do sleep 1; done\n', { mode: 0o755 });
  await symlink('busybox', join(tree, 'bin/sleep'));
  const { code, stdout, stderr } = await runInGuest('cat /proc/1/cmdline', ['--root', tree, '--init', '/bin/own-init']);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('own-init');
});

test('an init that the root does not have: the message names it', async () => {
  const { code, stderr } = await runInGuest('true', ['--root', await makeTree(test.info()), '--init', '/sbin/none']);
  expect(code).toBe(122);
  expect(stderr).toMatch(/has no \/sbin\/none to run/);
});
