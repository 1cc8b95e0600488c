/** Checks of a disk before a guest is started; what only the engine can tell (a lock) comes from there. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { VmtestError } from '../errors.js';
import { reasonOf } from './reason.js';

/** Throws `VMTEST_BAD_INPUT` when the file cannot be a disk. */
export async function checkDisk(path: string, writable: boolean): Promise<void> {
  const bad = (reason: string, cause?: unknown) =>
    new VmtestError('VMTEST_BAD_INPUT', `disk ${path}: ${reason}`, { cause, context: { path } });
  const status = await stat(path).catch((cause: unknown) => {
    throw bad(reasonOf(cause), cause);
  });
  if (status.isDirectory()) throw bad('is a directory');
  if (!status.isFile() && !status.isBlockDevice()) throw bad('is neither a regular file nor a block device');
  if (status.isFile() && (status.size === 0 || status.size % 512 !== 0)) {
    throw bad(status.size === 0 ? 'is empty' : `its size of ${status.size} bytes is no multiple of 512`);
  }
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw bad('cannot be read: permission denied', cause);
  });
  if (!writable) return;
  await access(path, constants.W_OK).catch((cause: unknown) => {
    throw bad('cannot be written (mode rw); write PATH,overlay to keep the writes of the guest apart', cause);
  });
}

/** Throws `VMTEST_BAD_INPUT` when a guest is to write to a disk that it has twice: each would spoil the other. */
export async function checkDistinct(disks: readonly { path: string; mode: string }[]): Promise<void> {
  const seen = new Map<string, { mode: string }>();
  for (const disk of disks) {
    const { dev, ino } = await stat(disk.path);
    const before = seen.get(`${dev}:${ino}`);
    if (before !== undefined && (before.mode === 'rw' || disk.mode === 'rw')) {
      throw new VmtestError('VMTEST_BAD_INPUT', `disk ${disk.path}: is given twice, and once to be written (rw)`);
    }
    seen.set(`${dev}:${ino}`, disk);
  }
}
