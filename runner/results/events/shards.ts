/** Where the results of shards are. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { EVENTS_FILE, type RunBegin } from './event.js';
import { readEvents } from './reader.js';

export interface Shard {
  directory: string;
  begin: RunBegin;
}

/**
 * The shards of directories of results, and of directories that have some, as they are downloaded. Throws
 * VMTEST_BAD_INPUT where there is none.
 */
export async function findShards(directories: readonly string[], signal?: AbortSignal): Promise<Shard[]> {
  const shards: Shard[] = [];
  for (const directory of directories) {
    const found = (await hasEvents(directory)) ? [directory] : await below(directory);
    if (found.length === 0) {
      throw new VmtestError('VMTEST_BAD_INPUT', `there is no ${EVENTS_FILE} in ${directory}, nor in a directory of it`);
    }
    for (const each of found) shards.push({ directory: each, begin: await beginOf(each, signal) });
  }
  return shards;
}

const hasEvents = (directory: string): Promise<boolean> =>
  stat(join(directory, EVENTS_FILE)).then(
    () => true,
    () => false,
  );

async function below(directory: string): Promise<string[]> {
  let names: string[];
  try {
    names = (await readdir(directory)).sort();
  } catch (cause) {
    throw new VmtestError('VMTEST_BAD_INPUT', `${directory} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const found: string[] = [];
  for (const name of names) {
    const each = join(directory, name);
    if (await hasEvents(each)) found.push(each);
  }
  return found;
}

async function beginOf(directory: string, signal?: AbortSignal): Promise<RunBegin> {
  for await (const event of readEvents(directory, signal === undefined ? {} : { signal })) {
    // A reader lets nothing else come first.
    if (event.type === 'run-begin') return event;
  }
  throw new VmtestError('VMTEST_BAD_INPUT', `${directory}: has no events`);
}
