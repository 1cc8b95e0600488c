/** Where a copy out of the guest goes on the host. */
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { VmtestError } from '../../errors.js';
import type { CopyDestination } from './place.js';

const bad = (what: string, cause?: unknown): VmtestError => new VmtestError('VMTEST_BAD_INPUT', what, { cause });

/**
 * What `destination` is now. Throws `VMTEST_BAD_INPUT` when nothing can be written there, which is worth a look before a
 * guest is started.
 */
export async function inspectHostDestination(destination: string): Promise<CopyDestination> {
  const path = resolve(destination);
  const asDirectory = /(^|\/)\.{0,2}$/.test(destination);
  const status = await statOf(path);
  if (status === undefined) {
    await checkDirectory(await nearestDirectory(path), destination);
    return { path, kind: 'missing', asDirectory };
  }
  const kind = status.isDirectory() ? 'directory' : status.isFile() ? 'file' : 'other';
  if (kind === 'other') throw bad(`${destination} is neither a file nor a directory; it is not replaced`);
  if (kind === 'file' && asDirectory) throw bad(`${destination} is a file, and not a directory`);
  // A link that the user names is followed once, here; what a guest names never is.
  const real = await realpath(path);
  await checkDirectory(kind === 'directory' ? real : dirname(real), destination);
  return { path: real, kind, asDirectory };
}

/** The directory that is there and would hold the path, or what is made on the way to it. */
export async function nearestDirectory(path: string): Promise<string> {
  let directory = dirname(path);
  while ((await statOf(directory)) === undefined && directory !== '/') directory = dirname(directory);
  return directory;
}

async function checkDirectory(directory: string, destination: string): Promise<void> {
  if ((await statOf(directory))?.isDirectory() !== true) {
    throw bad(`${destination} cannot be written: ${directory} is not a directory`);
  }
  await access(directory, constants.W_OK | constants.X_OK).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EROFS' ? 'its file system is read-only' : 'permission denied';
    throw bad(`${destination} cannot be written: ${directory}: ${why}`, cause);
  });
}

async function statOf(path: string) {
  return stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    if (cause.code === 'ENOTDIR') throw bad(`${path} cannot be written: a part of its path is not a directory`, cause);
    throw bad(`${path} cannot be looked at: ${cause.message}`, cause);
  });
}
