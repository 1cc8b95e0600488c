/** Roots of every kind: packed, mounted, entered. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, type TestInfo, test } from '@playwright/test';
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
