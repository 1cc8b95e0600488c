/** The directory of the results: whose it is, and what the last run left there. */
import { access, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../errors.js';
import { makeDirectory } from '../make-directory.js';
import { EVENTS_FILE } from '../results/events/event.js';
import { readEvents } from '../results/events/reader.js';
import { createRunModel } from '../results/events/run-model.js';
import { isFailure } from '../results/verdict.js';

/** Holds the pid of the run that writes there. */
const LOCK = 'run.lock';

const cannot = (directory: string, why: string, cause?: unknown): VmtestError =>
  new VmtestError('VMTEST_RESULTS', `the results cannot be written to ${directory}: ${why}`, { cause });

/** The ids of the jobs that failed in the run that is there, or were not run. Throws `VMTEST_USAGE` where there is none. */
export async function readLastFailed(directory: string): Promise<Set<string>> {
  if (!(await exists(join(directory, EVENTS_FILE)))) {
    throw new VmtestError('VMTEST_USAGE', `--last-failed: ${directory} has no results of an earlier run`);
  }
  const model = createRunModel();
  for await (const event of readEvents(directory)) {
    const job = model.apply(event);
    if (event.type === 'job-end' && job !== undefined) model.release(job);
  }
  const failed = [...model.jobs.values()].filter(({ end }) => end === undefined || isFailure(end.verdict));
  return new Set(failed.map(({ info }) => info.id));
}

/**
 * Makes the directory, and empties it of an earlier run. Disposing gives it free. Throws `VMTEST_RESULTS` when it cannot be
 * written, has other things than results in it, or is used by a run that goes on.
 */
export async function takeOutputDirectory(directory: string): Promise<AsyncDisposable> {
  let names: string[];
  try {
    await makeDirectory(directory);
    names = await readdir(directory);
  } catch (cause) {
    throw cannot(directory, (cause as Error).message, cause);
  }
  if (names.length > 0 && !names.includes(EVENTS_FILE) && !names.includes(LOCK)) {
    throw cannot(directory, 'it is not empty, and has no results of an earlier run; name another directory');
  }
  const lock = join(directory, LOCK);
  await takeLock(lock, directory);
  try {
    for (const name of names) if (name !== LOCK) await rm(join(directory, name), { recursive: true, force: true });
  } catch (cause) {
    await rm(lock, { force: true });
    throw cannot(directory, (cause as Error).message, cause);
  }
  return { [Symbol.asyncDispose]: () => rm(lock, { force: true }) };
}

async function takeLock(path: string, directory: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      await writeFile(path, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cannot(directory, (cause as Error).message, cause);
    }
    const pid = Number((await readFile(path, 'utf8').catch(() => '')).trim());
    if (Number.isSafeInteger(pid) && pid > 0 && pid !== process.pid && isAlive(pid)) {
      throw cannot(directory, `process ${pid} is writing its own there; wait for it, or name another directory`);
    }
    // Of a run that was killed.
    await rm(path, { force: true });
  }
  throw cannot(directory, 'other runs want it as well');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
