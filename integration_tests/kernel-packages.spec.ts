/** Kernels as packages and installations have them: a .deb, and a directory with boot/ and lib/modules. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, type TestInfo, test } from '@playwright/test';
import { createCleanup } from '../runner/cleanup.js';
import { cacheRoot } from '../runner/images/cache.js';
import { findPackage } from '../runner/images/debian.js';
import { EAGER_MODULES, inLoadOrder, readModuleSet } from '../runner/images/modules.js';
import { kernelPackage } from '../runner/images/packages.js';
import { runInGuest } from './support/cli.js';

/**
 * Debian's cloud kernel out of the cache, as in its package: depmod has not been. Of its modules only those that
 * guests load, as all of them take minutes to pack where the CPU is emulated.
 */
async function makeInstallation(info: TestInfo): Promise<{ directory: string; release: string }> {
  await using cleanup = createCleanup();
  const unpacked = await findPackage({ root: cacheRoot(process.env), cleanup }, kernelPackage('cloud'));
  if (unpacked === undefined) throw new Error('the cloud kernel is not in the cache: run `vmtest images fetch`');
  const release = unpacked.package.replace('linux-image-', '');
  const directory = info.outputPath('installation');
  const copy = async (path: string) => {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await cp(join(unpacked.root, path), join(directory, path));
  };
  for (const name of ['vmlinuz', 'config']) await copy(`boot/${name}-${release}`);
  const within = join('lib/modules', release);
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']) await copy(join(within, name));
  const set = await readModuleSet(join(unpacked.root, within));
  for (const { path } of inLoadOrder(set, EAGER_MODULES)) await copy(path.slice(unpacked.root.length + 1));
  return { directory, release };
}

test('a directory with boot/ and lib/modules boots', async () => {
  const { directory, release } = await makeInstallation(test.info());
  const before = execFileSync('find', [directory, '-printf', '%p %T@ %C@\\n'], { encoding: 'utf8' });
  const { code, stdout, stderr } = await runInGuest('uname -r', ['--kernel', directory]);
  expect(code, stderr).toBe(0);
  expect(stdout).toBe(`${release}\n`);
  expect(execFileSync('find', [directory, '-printf', '%p %T@ %C@\\n'], { encoding: 'utf8' })).toBe(before);
});

test('a .deb boots', async () => {
  const info = test.info();
  const { directory, release } = await makeInstallation(info);
  await mkdir(join(directory, 'DEBIAN'));
  const control = `Package: linux-image-${release}\nVersion: 1\nArchitecture: amd64\nMaintainer: none\nDescription: none\n`;
  await writeFile(join(directory, 'DEBIAN/control'), control);
  const file = info.outputPath('kernel.deb');
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', '-z1', directory, file], { stdio: 'ignore' });
  expect((await readFile(file)).toString('latin1', 0, 8)).toBe('!<arch>\n');
  const { code, stdout, stderr } = await runInGuest('uname -r', ['--kernel', file]);
  expect(code, stderr).toBe(0);
  expect(stdout).toBe(`${release}\n`);
});
