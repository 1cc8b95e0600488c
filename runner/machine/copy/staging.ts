/**
 * What comes from a guest is received in a directory beside its place and moved there when it is complete, so that
 * nothing is ever half there, and nothing that a guest sends can lead a write anywhere else.
 */
import { lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostFileError, onHost } from '../../agent/index.js';
import { VmtestError } from '../../errors.js';
import { nearestDirectory } from './host-destination.js';

export interface Staging extends AsyncDisposable {
  /** A path that does not exist, on the file system of the target. */
  readonly path: string;
  /** Moves what is at `path` to the target: files are replaced, directories merged. All of it, or an error before. */
  moveTo(place: string): Promise<void>;
}

/** `directory`: one that exists, and where the target lies; found when absent. Disposing removes what was not moved. */
export async function openStaging(target: string, directory?: string): Promise<Staging> {
  const parent = directory ?? (await nearestDirectory(target));
  const own = await onHost('write', parent, mkdtemp(join(parent, '.vmtest-copy-')));
  const path = join(own, 'received');
  return {
    path,
    async moveTo(place) {
      await checkMove(Buffer.from(path), Buffer.from(place));
      await onHost('write', dirname(place), mkdir(dirname(place), { recursive: true }));
      await move(Buffer.from(path), Buffer.from(place));
    },
    async [Symbol.asyncDispose]() {
      await onHost('remove', own, rm(own, { recursive: true, force: true }));
    },
  };
}

type Kind = 'missing' | 'directory' | 'replaceable' | 'other';

/** Links are what they are: one that lies in the way is replaced, never followed. */
async function kindOf(path: Buffer): Promise<Kind> {
  const status = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw hostFileError('look at', path, error);
  });
  if (status === undefined) return 'missing';
  if (status.isDirectory()) return 'directory';
  return status.isFile() || status.isSymbolicLink() ? 'replaceable' : 'other';
}

async function checkMove(from: Buffer, to: Buffer): Promise<void> {
  const [source, target] = [await kindOf(from), await kindOf(to)];
  if (target === 'missing') return;
  const refuse = (why: string): VmtestError => new VmtestError('VMTEST_COPY', `${to} ${why}`);
  if (source === 'directory' && target !== 'directory') throw refuse('is there and is no directory');
  if (source !== 'directory' && target !== 'replaceable') throw refuse('is there and is no file; it is not replaced');
  if (source !== 'directory') return;
  for (const name of await namesIn(from)) await checkMove(below(from, name), below(to, name));
}

async function move(from: Buffer, to: Buffer): Promise<void> {
  if ((await kindOf(from)) !== 'directory' || (await kindOf(to)) === 'missing') {
    return onHost('write', to, rename(from, to));
  }
  for (const name of await namesIn(from)) await move(below(from, name), below(to, name));
}

const namesIn = (path: Buffer): Promise<Buffer[]> => onHost('read', path, readdir(path, { encoding: 'buffer' }));

/** Names are bytes: a guest's need not be UTF-8. */
const below = (path: Buffer, name: Buffer): Buffer => Buffer.concat([path, Buffer.from('/'), name]);
