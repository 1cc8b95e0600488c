/**
 * Writes what an archive holds into a directory, and nowhere else. What the archive says is hostile:
 *
 * - A path that is absolute or has `..` is refused.
 * - Nothing is written through a link: symbolic links are made when everything else is there.
 * - A link that leads out of the directory is refused, also where it takes another link to get out.
 */
import { link, mkdir, open, realpath, rm, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { badArchive } from './byte-reader.js';
import type { ArchiveEntry } from './entry.js';

export interface UnpackOptions {
  /** Which paths are wanted; the others are only checked. */
  wanted(path: string): boolean;
  signal?: AbortSignal | undefined;
}

export async function unpackInto(
  root: string,
  entries: AsyncIterable<ArchiveEntry>,
  { wanted, signal }: UnpackOptions,
): Promise<void> {
  const links = new Map<string, string>();
  for await (const entry of entries) {
    signal?.throwIfAborted();
    const path = safePath(entry.path);
    if (path === '.' || !wanted(path)) continue;
    if (links.has(path)) throw badArchive(`it holds "${path}" twice`);
    if (entry.type === 'symlink') links.set(path, checkedTarget(path, entry.target));
    else await write(root, path, entry);
  }
  for (const [path, target] of links) {
    if (parentsOf(path).some((parent) => links.has(parent))) throw conflict(path);
    await makeLink(root, path, target);
  }
  for (const path of links.keys()) await checkLink(root, path);
}

/** The path below the directory, without a slash at either end. */
function safePath(path: string): string {
  if (path === '' || path.includes('\0') || isAbsolute(path) || path.split('/').includes('..')) {
    throw badArchive(`it holds the path "${path.replaceAll('\0', '\\0')}", which leads out of it`);
  }
  return normalize(path).replace(/\/$/, '');
}

function checkedTarget(path: string, target: string): string {
  const inside = normalize(join(dirname(path), target));
  if (target === '' || target.includes('\0') || isAbsolute(target) || inside === '..' || inside.startsWith('../')) {
    throw leadsOut(path, target);
  }
  return target;
}

const leadsOut = (path: string, target: string) =>
  badArchive(`its link "${path}" to "${target.replaceAll('\0', '\\0')}" leads out of it`);

async function write(root: string, path: string, entry: ArchiveEntry): Promise<void> {
  const place = join(root, path);
  try {
    await mkdir(entry.type === 'directory' ? place : dirname(place), { recursive: true });
    if (entry.type === 'directory') return;
    if (entry.type === 'hardlink') return await link(join(root, safePath(entry.target)), place);
    if (entry.type === 'other') throw badArchive(`it holds "${path}", which is neither a file nor a directory`);
    // No bit of it but "executable" is of use, least of all set-user-ID.
    const file = await open(place, 'wx', entry.executable ? 0o755 : 0o644);
    try {
      for await (const piece of entry.data) await file.write(piece);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw explained(path, cause);
  }
}

async function makeLink(root: string, path: string, target: string): Promise<void> {
  const place = join(root, path);
  try {
    await mkdir(dirname(place), { recursive: true });
    await symlink(target, place);
  } catch (cause) {
    throw explained(path, cause);
  }
}

/** `a -> .` and `b -> a/a/..` are each inside as they are written, and lead out together. */
async function checkLink(root: string, path: string): Promise<void> {
  const place = join(root, path);
  const top = await realpath(root);
  const end = await realpath(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP') return undefined;
    throw error;
  });
  // It leads nowhere yet: to a file of another package, or to what was not wanted.
  if (end === undefined) return rm(place, { force: true });
  if (end !== top && !end.startsWith(`${top}/`)) throw leadsOut(path, end);
}

/** `a/b/c`: `a`, `a/b`. */
const parentsOf = (path: string): string[] =>
  path.split('/').flatMap((_, depth, names) => (depth === 0 ? [] : [names.slice(0, depth).join('/')]));

const conflict = (path: string, cause?: unknown) =>
  badArchive(`its "${path}" does not fit in with the rest of it`, cause);

/** The same path twice, a file in the place of a directory, a hard link to what is not there: none is of a package. */
const CONFLICTS = ['EEXIST', 'ENOTDIR', 'EISDIR', 'ENOENT', 'EPERM'];

function explained(path: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENAMETOOLONG') return badArchive(`its "${path.slice(0, 60)}…" is too long a name`, cause);
  return CONFLICTS.includes(code ?? '') ? conflict(path, cause) : cause;
}
