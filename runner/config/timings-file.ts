/** The file of timings beside a configuration. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../errors.js';
import { formatTimings, parseTimings, TIMINGS_FILE, type Timings } from '../plan/timings.js';

/** None where there is no file. Throws `VMTEST_CONFIG` for what cannot be read, or is no such file. */
export async function readTimings(directory: string): Promise<Timings> {
  let text: string;
  try {
    text = await readFile(join(directory, TIMINGS_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw new VmtestError('VMTEST_CONFIG', `${TIMINGS_FILE} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return parseTimings(text);
}

/** The whole file or none of it. Throws `VMTEST_HOST_FILE`. */
export async function writeTimings(directory: string, timings: Timings): Promise<void> {
  const path = join(directory, TIMINGS_FILE);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, formatTimings(timings));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new VmtestError('VMTEST_HOST_FILE', `${path} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
