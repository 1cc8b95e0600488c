/**
 * The cache of things that are expensive to get or make, by the digest of what they were made from.
 *
 *   ROOT/<kind>/<key>/...   complete and never changed again: made under ROOT/tmp, then renamed
 *   ROOT/tmp/<pid>-XXXXXX   being made; what a dead process left is removed by the next one
 *
 * Processes need no lock: two may make the same entry, the first rename wins and both use that one. Where
 * the cache cannot be written (a read-only file system), what is missing is made in a temporary directory
 * that lasts as long as the caller says.
 */
import { createHash, randomBytes } from 'node:crypto';
import { access, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Cleanup } from '../cleanup.js';
import { VmtestError } from '../errors.js';
import { makeDirectory } from '../make-directory.js';

export interface Cache {
  readonly root: string;
  /** Owner of what is made where the cache cannot be written. */
  readonly cleanup: Cleanup;
}

/** `VMTEST_CACHE`, else `XDG_CACHE_HOME/vmtest`, else `~/.cache/vmtest`. A relative XDG path is ignored, as its spec asks. */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  const own = env['VMTEST_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'vmtest');
}

/** A key for `cached`: the digest of plain values. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The names in a directory of the cache; none where it is not there. Throws `VMTEST_CACHE` where it cannot be read. */
export async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return [];
    throw new VmtestError('VMTEST_CACHE', `cannot use the cache: ${(cause as Error).message}`, { cause });
  });
}

/** The directory of an entry, when it is there. */
export async function find(cache: Cache, kind: string, key: string): Promise<string | undefined> {
  const path = join(cache.root, kind, key);
  return (await exists(path)) ? path : undefined;
}

/** Beside the main file of an entry: its size and time when it was made. */
const SEAL = '.seal';

/** What tells that a file was not changed since: as much as git asks. */
async function sealOf(path: string): Promise<string | undefined> {
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  return status?.isFile() ? `${status.size} ${status.mtimeNs}\n` : undefined;
}

async function isSealed(directory: string, mainFile: string): Promise<boolean> {
  const seal = await readFile(join(directory, SEAL), 'utf8').catch(() => undefined);
  return seal !== undefined && seal === (await sealOf(join(directory, mainFile)));
}

/**
 * The directory of an entry; `make` fills it when it is not there. An entry whose `mainFile` is not as it was made (the
 * host crashed, the disk is bad, or someone tidied up) is made again.
 */
export async function cached(
  cache: Cache,
  kind: string,
  key: string,
  make: (directory: string) => Promise<void>,
  mainFile?: string,
): Promise<string> {
  const found = await find(cache, kind, key);
  if (found !== undefined) {
    if (mainFile === undefined || (await isSealed(found, mainFile))) return found;
    // Where it cannot be removed, it is made beside the cache.
    const removed = await rm(found, { recursive: true, force: true }).then(
      () => true,
      () => false,
    );
    if (!removed) return makeBeside(cache, make);
  }
  const scratch = await makeScratch(cache);
  if (scratch === undefined) return makeBeside(cache, make);
  try {
    await make(scratch);
    if (mainFile !== undefined) await writeFile(join(scratch, SEAL), (await sealOf(join(scratch, mainFile))) ?? '');
    const target = join(cache.root, kind, key);
    await mkdir(join(cache.root, kind), { recursive: true });
    await rename(scratch, target).catch((error: unknown) => {
      // Another process was faster: a directory that is not empty cannot be renamed over (rename(2)).
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
    });
    return target;
  } catch (error) {
    throw isFull(error) ? cacheFull(cache, error) : error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** In a temporary directory, for as long as the owner of the cache lives. */
async function makeBeside(cache: Cache, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-'));
  cache.cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  await make(directory);
  return directory;
}

/**
 * Runs `use` with a new directory on the file system of the cache, which is gone afterwards. Throws `VMTEST_CACHE`
 * where the cache cannot be written, or is full.
 */
export async function withScratch<T>(cache: Cache, use: (directory: string) => Promise<T>): Promise<T> {
  const scratch = await makeScratch(cache);
  if (scratch === undefined) throw cannotWrite(cache);
  try {
    return await use(scratch);
  } catch (error) {
    if (isFull(error)) throw cacheFull(cache, error);
    const { code, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
    const refused = ['EROFS', 'EACCES', 'EPERM'].includes(code ?? '');
    if (refused && [path, dest].some((place) => place?.startsWith(`${cache.root}/`))) throw cannotWrite(cache, error);
    throw error;
  } finally {
    // A tool that was killed a moment ago may still write into it.
    await rm(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

const isFull = (error: unknown): boolean => codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';

function cacheFull(cache: Cache, cause: unknown): VmtestError {
  const message = `the cache ${cache.root} is full: ${(cause as Error).message}; make room, or set VMTEST_CACHE`;
  return new VmtestError('VMTEST_CACHE', message, { cause });
}

function cannotWrite(cache: Cache, cause?: unknown): VmtestError {
  const why = cause === undefined ? '' : `: ${(cause as Error).message}`;
  const message = `the cache ${cache.root} cannot be written${why}; set VMTEST_CACHE to a directory that can`;
  return new VmtestError('VMTEST_CACHE', message, { cause });
}

/** A new directory to make an entry in; undefined when the cache cannot be written. */
async function makeScratch(cache: Cache): Promise<string | undefined> {
  const parent = join(cache.root, 'tmp');
  try {
    await makeDirectory(parent);
    await sweep(parent);
    const scratch = join(parent, `${process.pid}-${randomBytes(6).toString('hex')}`);
    await mkdir(scratch);
    return scratch;
  } catch (error) {
    if (isReadOnly(error)) return undefined;
    throw new VmtestError('VMTEST_CACHE', `cannot use the cache ${cache.root}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Whether a file system refused to be changed. Node 20's recursive mkdir says ENOENT there, where mkdir(2) says EROFS. */
export function isReadOnly(error: unknown): boolean {
  return ['EROFS', 'EACCES', 'EPERM', 'ENOENT'].includes(codeOf(error) ?? '');
}

/** A pid says little where containers share a cache; so only what is old as well is swept. Milliseconds. */
const SWEEP_AGE = 3_600_000;

/** Removes what processes that were killed left behind. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1]);
    const path = join(parent, name);
    const made = await lstat(path).catch(() => undefined);
    if (!Number.isInteger(pid) || isAlive(pid) || made === undefined) continue;
    if (Date.now() - made.mtimeMs > SWEEP_AGE) await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}
