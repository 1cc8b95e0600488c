import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findVmlinux } from './find-vmlinux.js';

let tree: string;
beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'vmtest-tree-'));
  await mkdir(join(tree, 'arch/x86/boot'), { recursive: true });
  await writeFile(join(tree, 'arch/x86/boot/bzImage'), '');
});
afterEach(() => rm(tree, { recursive: true, force: true }));

test('of a build tree, however the kernel is named', async () => {
  const release = '0.0.0-none';
  expect(await findVmlinux(tree, release)).toBeUndefined();
  const vmlinux = join(tree, 'vmlinux');
  await writeFile(vmlinux, '');
  for (const kernel of [tree, vmlinux, join(tree, 'arch/x86/boot/bzImage')]) {
    expect(await findVmlinux(kernel, release)).toBe(vmlinux);
  }
  expect(await findVmlinux('cloud', release)).toBeUndefined();
  expect(await findVmlinux(undefined, release)).toBeUndefined();
});
