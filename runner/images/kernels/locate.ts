/** From what the user named to a kernel: a file, a package, a build tree, or a directory that holds one. */
import { open, stat } from 'node:fs/promises';
import { packageKind } from '../archives/package-file.js';
import type { Cache } from '../cache.js';
import { reasonOf } from '../reason.js';
import { badKernel } from './bad-kernel.js';
import { isBuildTree, locateInTree } from './build-tree.js';
import { isKernelDirectory, locateInDirectory } from './kernel-directory.js';
import { locateInPackage } from './kernel-package.js';
import type { LocatedKernel, LocateOptions } from './located.js';

/** Throws `VMTEST_BAD_INPUT` where there is none, or more than one. */
export async function locateKernel(cache: Cache, path: string, options: LocateOptions): Promise<LocatedKernel> {
  const status = await stat(path).catch((cause: unknown) => {
    throw badKernel(path, reasonOf(cause), cause);
  });
  if (status.isDirectory()) {
    if (await isBuildTree(path)) return locateInTree(cache, path, options);
    if (await isKernelDirectory(path)) return locateInDirectory(cache, path, options);
    throw badKernel(path, 'is a directory, but neither a kernel build tree nor one with boot/ and lib/modules/');
  }
  const kind = status.isFile() ? packageKind(await readStart(path)) : undefined;
  return kind === undefined ? { image: path, label: path } : locateInPackage(cache, path, kind, options);
}

async function readStart(path: string): Promise<Buffer> {
  const file = await open(path).catch((cause: unknown) => {
    throw badKernel(path, reasonOf(cause), cause);
  });
  try {
    const start = Buffer.alloc(8);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return start.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
