// ci/cross-packages: the libraries that vmtest-vmm for aarch64 is linked with, from Debian's packages of that
// architecture. They are fetched as the guests' kernels are: nothing is installed, and no root is needed.
import { mkdir, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCleanup } from '../../dist/runner/cleanup.js';
import { cacheRoot } from '../../dist/runner/images/cache.js';
import { fetchPackage } from '../../dist/runner/images/debian.js';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
/** Where native/cmake/VmtestPackages.cmake looks. */
const target = join(checkout, 'build/cross-packages');
const library = join(target, 'usr/lib/aarch64-linux-gnu/libfdt.a');

/** @param {string} path */
const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

if (!(await exists(library))) {
  const cleanup = createCleanup();
  const cache = { root: cacheRoot(process.env), cleanup };
  /** @param {string} message */
  const onProgress = (message) => console.error(`cross-packages: ${message}`);
  try {
    const { root } = await fetchPackage(cache, 'libfdt-dev', { arch: 'aarch64', onProgress });
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { recursive: true, force: true });
    await symlink(root, target);
  } finally {
    await cleanup[Symbol.asyncDispose]();
  }
}
