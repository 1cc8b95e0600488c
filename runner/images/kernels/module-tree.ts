/** A `lib/modules/RELEASE` in the cache, of links to modules that nobody has run depmod over. */
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { VmtestError } from '../../errors.js';
import { type Cache, cached, exists, keyOf } from '../cache.js';
import { identityOf } from '../digest.js';
import { execTool } from '../tool.js';
import { isRelease, type WorkOptions } from './located.js';

export interface ModuleTreeInput {
  release: string;
  /** Where each module belongs below `lib/modules/RELEASE`, and where it is. In the order of `modules.order`. */
  modules: readonly { place: string; path: string }[];
  /** `modules.builtin` and `modules.builtin.modinfo`, where they are. */
  tables: readonly string[];
}

/** Part of every key: raise it when the same input is to give another tree. */
const FORMAT = 1;

/** The directory for `readModuleSet`. Made anew when one of the files changed. */
export async function moduleTree(cache: Cache, input: ModuleTreeInput, options: WorkOptions): Promise<string> {
  const { release, modules, tables } = input;
  const identify = async (path: string) => (await identityOf(path)).key;
  const files = [...modules.map(({ path }) => path), ...tables];
  const key = keyOf(FORMAT, release, modules, tables, await Promise.all(files.map(identify)));
  const within = join('lib/modules', release);
  const base = await cached(cache, 'module-trees', key, async (scratch) => {
    if (modules.length > 0) options.onProgress?.(`looking through ${modules.length} modules of ${release}`);
    const directory = join(scratch, within);
    await mkdir(directory, { recursive: true });
    const places = new Set(modules.map(({ place }) => dirname(place)));
    for (const place of places) await mkdir(join(directory, place), { recursive: true });
    for (const { place, path } of modules) await symlink(path, join(directory, place));
    for (const path of tables) await symlink(path, join(directory, basename(path)));
    await writeFile(join(directory, 'modules.order'), modules.map(({ place }) => `${place}\n`).join(''));
    await depmod(scratch, release, options);
  });
  return join(base, within);
}

/** Writes `modules.dep` and its like below BASE/lib/modules/RELEASE. */
export async function depmod(base: string, release: string, { signal }: WorkOptions): Promise<void> {
  await execTool('depmod', ['-b', base, release], { signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    const why = `cannot tell which modules of ${release} need which: depmod: ${(cause as Error).message}`;
    throw new VmtestError('VMTEST_TOOL', why, { cause });
  });
}

/** A `lib/modules/RELEASE` that is ready to be read: this one, or where depmod has not been, one in the cache. */
export async function readyModules(cache: Cache, directory: string, options: WorkOptions): Promise<string> {
  const release = basename(resolve(directory));
  if (await exists(join(directory, 'modules.dep'))) return directory;
  const names = isRelease(release) ? await readdir(directory, { recursive: true }).catch(() => []) : [];
  const places = names.filter(isModule).sort();
  // Nothing to run depmod over: the one who reads it says so.
  if (places.length === 0) return directory;
  const tables = await present(['modules.builtin', 'modules.builtin.modinfo'].map((name) => resolve(directory, name)));
  const modules = places.map((place) => ({ place, path: resolve(directory, place) }));
  return moduleTree(cache, { release, modules, tables }, options);
}

const isModule = (name: string): boolean => /\.ko(\.\w+)?$/.test(name) && !/^(build|source)\//.test(name);

/** Those of the paths where something is. */
export async function present(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => there[index]);
}
