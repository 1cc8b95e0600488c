/** What is in a directory, without its data: a key for the cache, and what must stay outside. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../reason.js';
import { badRoot } from './bad-root.js';
import type { Budget } from './limits.js';

export interface Scan {
  /** Of the path, type, mode, owner, size and times of everything in it. */
  digest: string;
  /** Directories that become empty ones, relative to the root. Each character is a byte. */
  emptied: string[];
}

export interface ScanOptions {
  label: string;
  /** A directory that is left out, as it is what we write to; absolute. */
  without: string;
  budget: Budget;
  signal?: AbortSignal | undefined;
}

/** Names need not be UTF-8: as Latin-1 each byte is one character, both ways. */
const toBytes = (path: string): Buffer => Buffer.from(path, 'latin1');
const toText = (path: string): string => Buffer.from(path).toString('latin1');

/**
 * Mount points become empty directories, as `find -xdev` and `tar --one-file-system` have it: /proc and /sys are no
 * files, and the guest mounts its own there. The change time belongs to the digest too: an edit that keeps size and
 * modification time (as `cp -p` and `rsync -t` do) and a new extended attribute show there only.
 */
export async function scanDirectory(directory: string, options: ScanOptions): Promise<Scan> {
  const { label, budget, signal } = options;
  const fail = (path: string) => (cause: unknown) => {
    throw badRoot(label, `${toBytes(path).toString()} ${reasonOf(cause)}`, cause);
  };
  const look = (path: string): Promise<BigIntStats> => lstat(toBytes(path), { bigint: true }).catch(fail(path));
  const [start, without] = [toText(directory), toText(options.without)];
  const hash = createHash('sha256');
  const emptied: string[] = [];
  const { dev, mode, uid, gid, mtimeNs, ctimeNs } = await look(start);
  hash.update(JSON.stringify([mode, uid, gid, mtimeNs, ctimeNs].map(String)));

  const visit = async (path: string, relative: string): Promise<void> => {
    signal?.throwIfAborted();
    const names = await readdir(toBytes(path), { encoding: 'latin1' }).catch(fail(path));
    names.sort();
    const found = await Promise.all(names.map(async (name) => ({ name, status: await look(join(path, name)) })));
    for (const { name, status } of found) {
      budget.addEntry();
      if (status.isFile()) budget.addBytes(Number(status.size));
      const inside = join(path, name);
      const stays = status.dev === dev && inside !== without;
      hash.update(JSON.stringify([relative + name, stays, ...identityOf(status, stays)]));
      if (!status.isDirectory()) continue;
      if (stays) await visit(inside, `${relative}${name}/`);
      else emptied.push(relative + name);
    }
  };
  await visit(start, '');
  return { digest: hash.digest('hex'), emptied };
}

/** Of a directory that becomes empty the times say when something in it changed, which is nothing to us. */
function identityOf(status: BigIntStats, stays: boolean): string[] {
  const { mode, uid, gid, mtimeNs, ctimeNs, rdev, nlink, ino } = status;
  if (!stays) return [mode, uid, gid].map(String);
  const size = status.isDirectory() ? 0n : status.size;
  // Which names are one file matters only where a file has several.
  const file = status.isFile() && nlink > 1n ? ino : 0n;
  return [mode, uid, gid, size, mtimeNs, ctimeNs, rdev, file].map(String);
}
