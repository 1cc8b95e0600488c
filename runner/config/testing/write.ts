/** Configurations on a disk, for tests. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import { VmtestError } from '../../errors.js';
import { type LoadedConfig, loadConfig } from '../load-config.js';

const made: string[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((directory) => rm(directory, { recursive: true, force: true })));
});

/** A new directory with these files. */
export async function directoryWith(files: Record<string, string | Buffer>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-config-'));
  made.push(directory);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

export const load = async (files: Record<string, string | Buffer>, config?: string): Promise<LoadedConfig> =>
  loadConfig({ cwd: await directoryWith(files), config });

/** The message of the error that comes instead of a configuration, then the lines that follow it. */
export async function problemsOf(files: Record<string, string | Buffer>, config?: string): Promise<string[]> {
  try {
    await load(files, config);
  } catch (error) {
    if (!(error instanceof VmtestError) || error.code !== 'VMTEST_CONFIG') throw error;
    const lines = error.context['lines'];
    return [error.message, ...(Array.isArray(lines) ? lines.map(String) : [])];
  }
  throw new Error('the configuration was taken');
}
