/** Which file is the configuration. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { VmtestError } from '../errors.js';

export const CONFIG_EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.cjs', '.json', '.yaml', '.yml'] as const;
export type ConfigExtension = (typeof CONFIG_EXTENSIONS)[number];
const NAMES = CONFIG_EXTENSIONS.map((extension) => `vmtest.config${extension}`);

const bad = (message: string, cause?: unknown): VmtestError => new VmtestError('VMTEST_CONFIG', message, { cause });

export const configExtension = (path: string): ConfigExtension | undefined =>
  CONFIG_EXTENSIONS.find((extension) => extension === extname(path));

/**
 * The absolute path: of `given` (a file, or a directory that has one), relative to `cwd`, or of the one in `cwd`. Throws
 * `VMTEST_CONFIG` when there is none, when there are several, and for a name that says nothing of what is in the file.
 */
export async function findConfig(cwd: string, given?: string): Promise<string> {
  if (given === undefined) return searchDirectory(cwd, 'here');
  const path = resolve(cwd, given);
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'does not exist' : `cannot be looked at: ${error.message}`;
    throw bad(`--config: ${given} ${why}`, error);
  });
  if (status.isDirectory()) return searchDirectory(path, `in ${given}`);
  if (!status.isFile()) throw bad(`--config: ${given} is not a file`);
  if (configExtension(path) === undefined) {
    throw bad(`--config: ${given} ends in none of ${CONFIG_EXTENSIONS.join(' ')}; nobody knows how to read it`);
  }
  return path;
}

async function searchDirectory(directory: string, where: string): Promise<string> {
  const entries = await readdir(directory).catch((error: Error) => {
    throw bad(`${directory} cannot be read: ${error.message}`, error);
  });
  const found = NAMES.filter((name) => entries.includes(name));
  const [name] = found;
  if (name === undefined) {
    throw bad(
      `there is no vmtest.config.ts ${where}, nor .js, .json or .yaml; \`vmtest init\` writes one, --config names another`,
    );
  }
  if (found.length > 1)
    throw bad(`${found.join(' and ')} are ${where} together; remove all but one, or choose with --config`);
  return join(directory, name);
}
