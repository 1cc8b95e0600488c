/** One run at a time for a directory of results: a file with the pid of the run, which is there whole or not at all. */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cleanup, createCleanup } from '../cleanup.js';
import { VmtestError } from '../errors.js';

export const LOCK_FILE = 'run.lock';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Throws `VMTEST_RESULTS` while another run has it. What a killed run left is taken away. */
export async function takeLock(directory: string): Promise<Cleanup> {
  const path = join(directory, LOCK_FILE);
  const own = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(own, `${process.pid}\n`, { flag: 'wx' });
  try {
    // Each round somebody else has taken or left it meanwhile.
    for (let round = 0; round < 100; round += 1) {
      if (await linked(own, path)) return lockAt(path);
      await removeStale(path, directory);
    }
    throw new VmtestError(
      'VMTEST_RESULTS',
      `the results cannot be written to ${directory}: other runs want it as well`,
    );
  } finally {
    await rm(own, { force: true });
  }
}

function lockAt(path: string): Cleanup {
  const cleanup = createCleanup();
  cleanup.defer(() => rm(path, { force: true }));
  return cleanup;
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Of several who find a lock stale only one moves it away; one that was taken meanwhile is put back. */
async function removeStale(path: string, directory: string): Promise<void> {
  const holder = await pidIn(path);
  if (holder !== undefined && isAlive(holder)) {
    const advice = 'wait for it, or name another directory';
    throw new VmtestError(
      'VMTEST_RESULTS',
      `the results cannot be written to ${directory}: process ${holder} is writing its own there; ${advice}`,
    );
  }
  const aside = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await pidIn(aside);
  if (moved !== undefined && isAlive(moved)) await linked(aside, path);
  await rm(aside, { force: true });
}

async function pidIn(path: string): Promise<number | undefined> {
  const pid = Number((await readFile(path, 'utf8').catch(() => '')).trim());
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
