/** One run at a time for a directory of results: a file with the pid of the run, which is there whole or not at all. */
import { createHash, randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Cleanup, createCleanup } from '../cleanup.js';
import { VmtestError } from '../errors.js';
import { withNamedMutex } from './named-mutex.js';

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

/** Under the mutex: whoever finds the lock of a dead process removes that one, and not what somebody has taken since. */
function removeStale(path: string, directory: string): Promise<void> {
  return withNamedMutex(mutexOf(path), async () => {
    const holder = await pidIn(path);
    if (holder === undefined || !isAlive(holder)) return rm(path, { force: true });
    const advice = 'wait for it, or name another directory';
    throw new VmtestError(
      'VMTEST_RESULTS',
      `the results cannot be written to ${directory}: process ${holder} is writing its own there; ${advice}`,
    );
  });
}

/** At most 107 bytes, as the name of a socket. */
const mutexOf = (path: string): string =>
  `vmtest-lock-${createHash('sha256').update(resolve(path)).digest('hex').slice(0, 40)}`;

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
