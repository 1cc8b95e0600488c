import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it; one that is there is fine. Rejects with the error of the system. (`mkdir` of
 * Node with `recursive` never ends where a file system makes no directories, like /proc.)
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeDirectory(dirname(path));
      // Where the parent is there now, a second ENOENT is an answer.
      await mkdir(path).catch(ignoreExisting);
    } else ignoreExisting(error);
  }
}

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}
