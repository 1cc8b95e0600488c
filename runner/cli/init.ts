/** `vmtest init`: writes a configuration to start from. */
import { readdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { CONFIG_EXTENSIONS } from '../config/find-config.js';
import { VmtestError } from '../errors.js';
import { makeDirectory } from '../make-directory.js';
import type { InitCommand } from './command.js';
import { starter } from './starter.js';

const bad = (message: string, cause?: unknown): VmtestError => new VmtestError('VMTEST_BAD_INPUT', message, { cause });

/** Throws `VMTEST_BAD_INPUT` where there is a configuration already, in whatever language, and where none can be written. */
export async function init({ format, directory }: InitCommand): Promise<number> {
  const folder = resolve(directory);
  try {
    await makeDirectory(folder);
  } catch (error) {
    throw bad(`${directory} cannot be made: ${(error as Error).message}`, error);
  }
  const there = await readdir(folder).catch((error: Error) => {
    throw bad(`${directory} cannot be read: ${error.message}`, error);
  });
  const taken = CONFIG_EXTENSIONS.map((extension) => `vmtest.config${extension}`).find((name) => there.includes(name));
  if (taken !== undefined) throw bad(`${join(directory, taken)} is there already; nothing was written`);
  const path = join(folder, `vmtest.config.${format}`);
  try {
    // Not over one that somebody writes at this moment.
    await writeFile(path, starter(format), { flag: 'wx' });
  } catch (error) {
    throw bad(`${path} cannot be written: ${(error as Error).message}`, error);
  }
  const name = relative(process.cwd(), path) || path;
  process.stdout.write(
    `${name} is written; \`npx vmtest test --list\` prints what it stands for, \`npx vmtest\` runs it\n`,
  );
  return 0;
}
