/** The directory of the results: whose it is, and what the last run left there. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../errors.js';
import { makeDirectory } from '../make-directory.js';
import { EVENTS_FILE } from '../results/events/event.js';
import { readEvents } from '../results/events/reader.js';
import { createRunModel } from '../results/events/run-model.js';
import { isFailure } from '../results/verdict.js';
import { LOCK_FILE, takeLock } from './run-lock.js';

/** What runs write, and nothing else is ever removed. */
const OWN = new Set([EVENTS_FILE, 'cells', 'junit.xml', 'surefire', 'report.json', 'blob']);
/** Where the last results wait until the new ones have begun. */
const PREVIOUS = '.previous';

const cannot = (directory: string, why: string, cause?: unknown): VmtestError =>
  new VmtestError('VMTEST_RESULTS', `the results cannot be written to ${directory}: ${why}`, { cause });

/** The ids of the jobs that failed in the run that is there, or were not run. Throws `VMTEST_USAGE` where there is none. */
export async function readLastFailed(directory: string): Promise<Set<string>> {
  if (!(await hasResults(directory))) {
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

/** Whether a run has begun there. */
async function hasResults(directory: string): Promise<boolean> {
  try {
    for await (const event of readEvents(directory)) return event.type === 'run-begin';
  } catch {
    // Something else of that name.
  }
  return false;
}

export interface OutputDirectory extends AsyncDisposable {
  /** The new results have begun: the last ones are removed. Until then disposing puts them back. */
  begin(): Promise<void>;
}

/**
 * Makes the directory, and puts the results of an earlier run aside. Disposing gives it free. Throws `VMTEST_RESULTS` when it
 * cannot be written, has other things and no results in it, or is used by a run that goes on.
 */
export async function takeOutputDirectory(directory: string): Promise<OutputDirectory> {
  try {
    await makeDirectory(directory);
    await using lock = await takeLock(directory);
    const names = (await readdir(directory)).filter((name) => !name.startsWith(LOCK_FILE) && name !== PREVIOUS);
    // Those of a run that was killed at once may lack a first event.
    const begun = names.includes(EVENTS_FILE) && names.every((name) => OWN.has(name));
    if (names.length > 0 && !begun && !(await hasResults(directory))) {
      throw cannot(directory, 'it is not empty, and has no results of an earlier run; name another directory');
    }
    const previous = join(directory, PREVIOUS);
    await rm(previous, { recursive: true, force: true });
    await mkdir(previous);
    const moved = names.filter((name) => OWN.has(name));
    for (const name of moved) await rename(join(directory, name), join(previous, name));
    return output(directory, moved, lock.move());
  } catch (cause) {
    if (cause instanceof VmtestError) throw cause;
    throw cannot(directory, (cause as Error).message, cause);
  }
}

function output(directory: string, moved: readonly string[], lock: AsyncDisposable): OutputDirectory {
  const previous = join(directory, PREVIOUS);
  let begun = false;
  return {
    async begin() {
      begun = true;
      await rm(previous, { recursive: true, force: true });
    },
    async [Symbol.asyncDispose]() {
      if (!begun) {
        for (const name of OWN) await rm(join(directory, name), { recursive: true, force: true });
        for (const name of moved) await rename(join(previous, name), join(directory, name));
        await rm(previous, { recursive: true, force: true });
      }
      await lock[Symbol.asyncDispose]();
    },
  };
}
