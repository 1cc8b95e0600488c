/** What a copy into the guest reads on the host, found before any guest is started. */
import { constants, readdir as nodeReaddir } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isPattern, type Skipped, unquote } from '../../agent/index.js';
import { VmtestError } from '../../errors.js';
import { type HostPattern, planHostPattern } from './host-pattern.js';
import { type CopySource, place, withoutNested } from './place.js';

export interface HostSources {
  sources: CopySource[];
  fromPattern: boolean;
  /** What fits the pattern and is neither a file nor a directory. */
  skipped: Skipped[];
}

const bad = (what: string, cause?: unknown): VmtestError => new VmtestError('VMTEST_BAD_INPUT', what, { cause });

/**
 * Finds what `source` names: a path, or a pattern with `*`, `?`, `[...]` or `**`. Throws `VMTEST_BAD_INPUT` when there is
 * nothing, or when it cannot be read.
 */
export async function findHostSources(
  source: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<HostSources> {
  const isThere = await lstat(source).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG') return false;
      throw bad(`${source} cannot be looked at: ${error.message}`, error);
    },
  );
  if (isThere || !isPattern(source)) {
    const path = isThere ? source : unquote(source);
    return { sources: [await onlySource(path)], fromPattern: false, skipped: [] };
  }
  const paths = await search(planHostPattern(source), options.signal);
  options.signal?.throwIfAborted();
  if (paths.length === 0) throw bad(`nothing on the host fits the pattern ${source}`);
  const skipped: Skipped[] = [];
  const found: CopySource[] = [];
  for (const path of paths) {
    const kind = await kindOf(path);
    if (kind === 'other') skipped.push({ path, reason: 'neither a file nor a directory' });
    else found.push({ path, kind });
  }
  if (found.length === 0) throw bad(`no file or directory on the host fits the pattern ${source}`);
  const sources = withoutNested(found);
  for (const { path, kind } of sources) await checkReadable(path, kind);
  // Two of one name are wrong wherever they go: told now, and not when a guest runs.
  try {
    place(sources, true, { path: '/', kind: 'directory', asDirectory: true });
  } catch (error) {
    throw bad((error as Error).message.replace(/ would both become .*;/, ' have the same name;'), error);
  }
  return { sources, fromPattern: true, skipped };
}

async function onlySource(path: string): Promise<CopySource> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw bad(`${path} ${error.code === 'ENOENT' ? 'does not exist' : `cannot be looked at: ${error.message}`}`, error);
  });
  if (!status.isDirectory() && !status.isFile()) throw bad(`${path} is neither a file nor a directory`);
  const kind = status.isDirectory() ? 'directory' : 'file';
  await checkReadable(path, kind);
  return { path, kind };
}

async function kindOf(path: string): Promise<CopySource['kind'] | 'other'> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() ? 'file' : status?.isDirectory() ? 'directory' : 'other';
}

async function checkReadable(path: string, kind: CopySource['kind']): Promise<void> {
  const mode = kind === 'directory' ? constants.R_OK | constants.X_OK : constants.R_OK;
  await access(path, mode).catch((error: unknown) => {
    throw bad(`${path} cannot be read: permission denied`, error);
  });
}

/** Sorted bytewise, as the guest sorts. */
async function search(pattern: HostPattern, signal: AbortSignal | undefined): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  const found = await glob(pattern.crawl, {
    cwd: pattern.base,
    onlyFiles: false,
    expandDirectories: false,
    braceExpansion: false,
    extglob: false,
    fs: { readdir: everythingIn(pattern.deep) },
    ...(signal === undefined ? {} : { signal }),
  });
  const wanted = new Set<string>();
  for (const path of found) {
    const isDirectory = path.endsWith('/');
    const relative = isDirectory ? path.slice(0, -1) : path;
    if (!pattern.fits(relative)) continue;
    // Not join(): behind a link `..` is not what it looks like.
    const whole = pattern.base === '.' ? relative : `${pattern.base.replace(/\/$/, '')}/${relative}`;
    if (!pattern.onlyDirectories || (await kindOf(whole)) === 'directory') wanted.add(whole);
  }
  return [...wanted].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

interface CrawledEntry {
  name: string;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/**
 * The crawler knows only files and directories: it passes over FIFOs and links that lead nowhere, and reports no link to
 * a directory. Here everything that is no directory is a file to it, and a link to a directory is one where the pattern
 * says how deep it goes.
 */
function everythingIn(deep: boolean): typeof nodeReaddir {
  const readdir = (
    path: string,
    _options: { withFileTypes: true },
    done: (error: NodeJS.ErrnoException | null, entries: CrawledEntry[]) => void,
  ): void => {
    nodeReaddir(path, { withFileTypes: true }, async (error, entries) => {
      if (error !== null) return done(error, []);
      const crawled = entries.map(async (entry): Promise<CrawledEntry> => {
        const followed = entry.isSymbolicLink() && !deep;
        const isDirectory = entry.isDirectory() || (followed && (await kindOf(join(path, entry.name))) === 'directory');
        return {
          name: entry.name,
          isFile: () => !isDirectory,
          isDirectory: () => isDirectory,
          isSymbolicLink: () => false,
        };
      });
      done(null, await Promise.all(crawled));
    });
  };
  // The one of readdir's shapes that the crawler uses.
  return readdir as unknown as typeof nodeReaddir;
}
