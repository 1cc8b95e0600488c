import { constants } from 'node:fs';
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  realpath,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';

import { VmtestError } from '../errors.js';
import { hostFileError, onHost, protocolError } from './agent-error.js';
import { type Frame, FrameBuilder, PayloadReader } from './codec.js';
import { type Entry, mtimeOf, readEntry } from './entry.js';
import { type Connect, Operation, type OperationOptions } from './operation.js';
import { EntryKind, FrameType, MAX_DEPTH, MAX_SKIPPED } from './protocol.js';
import type { Skipped, TransferResult } from './put.js';

export interface GetOptions extends OperationOptions {
  /** Keep the modification times. Default: true. */
  times?: boolean;
}

export interface GetTreeOptions extends GetOptions {
  /**
   * Symbolic links: `inside` (default) creates those that stay within the tree and skips the others, because whoever
   * reads the tree on the host would follow them; `keep` creates all; `skip` none.
   */
  symlinks?: 'inside' | 'keep' | 'skip';
}

export interface ReadFileOptions extends OperationOptions {
  /** A file with more bytes is an error. Default: 16 MiB. */
  maxBytes?: number;
}

interface Sink {
  write(bytes: Buffer, position: number): Promise<void>;
  /** The file has this size; what was not written is zero. */
  end(size: number): Promise<void>;
}

function request(type: number, path: string): Buffer {
  return new FrameBuilder(type).string(path).u8(0).build();
}

function readSkipped(payload: Buffer): Skipped {
  const reader = new PayloadReader(payload);
  const skipped = { path: reader.text(), reason: reader.text() };
  reader.end();
  return skipped;
}

/**
 * The contents that follow an ENTRY. Answers the bytes that were not holes, or why the guest could not read the file to
 * its end, which in a tree is no error.
 */
async function receiveContents(operation: Operation, sink: Sink): Promise<number | Skipped> {
  let position = 0;
  let bytes = 0;
  while (true) {
    const { type, payload } = await operation.read();
    if (type === FrameType.data) {
      await sink.write(payload, position);
      position += payload.length;
      bytes += payload.length;
      continue;
    }
    if (type === FrameType.skipped) return readSkipped(payload);
    const reader = new PayloadReader(payload);
    if (type === FrameType.hole) {
      position += reader.length();
      reader.end();
      if (!Number.isSafeInteger(position)) throw protocolError('a file beyond 2^53 bytes');
    } else if (type === FrameType.fileEnd) {
      const size = reader.length();
      reader.end();
      if (size !== position) throw protocolError('a file whose length is not what was sent');
      await sink.end(size);
      return bytes;
    } else {
      throw protocolError(`a frame of type ${type} in a file`);
    }
  }
}

function fileSink(file: FileHandle): Sink {
  let written = 0;
  return {
    async write(bytes, position) {
      let at = 0;
      while (at < bytes.length) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
        at += bytesWritten;
      }
      written = position + bytes.length;
    },
    async end(size) {
      if (size > written) await file.truncate(size);
    },
  };
}

/** Never follows a link and never touches what exists. */
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function receiveFile(
  operation: Operation,
  path: string | Buffer,
  entry: Entry,
  times: boolean,
): Promise<number | Skipped> {
  await using file = await open(path, CREATE, 0o600);
  const bytes = await receiveContents(operation, fileSink(file));
  if (typeof bytes !== 'number') {
    await unlink(path);
    return bytes;
  }
  // The set-id bits are a guest's word and mean nothing on the host.
  await file.chmod(entry.mode & 0o777);
  const mtime = mtimeOf(entry);
  if (times) await file.utimes(mtime, mtime);
  return bytes;
}

async function firstEntry(operation: Operation, kind: number): Promise<Entry> {
  const { type, payload } = await operation.read();
  const entry = type === FrameType.entry ? readEntry(payload, true) : undefined;
  if (entry?.kind !== kind) throw protocolError('a transfer that does not begin with its root');
  return entry;
}

/** For the one file of a request: what cannot be read is said by ERROR. */
function wholeFile(bytes: number | Skipped): number {
  if (typeof bytes !== 'number') throw protocolError('a file that was left out though it was asked for');
  return bytes;
}

let temporaryNames = 0;

/** The file that a link stands for. What is there and is no regular file stays: a device must not be replaced. */
async function fileToReplace(destination: string): Promise<string> {
  const there = await lstat(destination).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw hostFileError('write', destination, error);
  });
  if (there === undefined) return destination;
  const target = await realpath(destination).catch(() => destination);
  if ((await lstat(target)).isFile()) return target;
  throw new VmtestError('VMTEST_BAD_INPUT', `${destination} is there and is no regular file; it is not replaced`);
}

/** Gets one regular file. It appears at `destination` whole or not at all, and replaces what was there. */
export async function getFile(
  connect: Connect,
  path: string,
  destination: string,
  options: GetOptions,
): Promise<TransferResult> {
  const target = await fileToReplace(destination);
  await using operation = await Operation.open(`reading ${path}`, connect, options);
  await operation.send(request(FrameType.getFile, path));
  const entry = await firstEntry(operation, EntryKind.file);
  temporaryNames += 1;
  const temporary = `${target}.vmtest-${process.pid}-${temporaryNames}`;
  try {
    const received = receiveFile(operation, temporary, entry, options.times !== false);
    const bytes = wholeFile(await onHost('write', destination, received));
    await operation.readOk();
    await onHost('write', destination, rename(temporary, target));
    return { entries: 1, bytes, skipped: [] };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The contents of one regular file. */
export async function readFile(connect: Connect, path: string, options: ReadFileOptions): Promise<Buffer> {
  const { maxBytes = 16 * 1024 * 1024 } = options;
  const parts: Buffer[] = [];
  let held = 0;
  const add = (bytes: Buffer): void => {
    parts.push(bytes);
    held += bytes.length;
  };
  const fill = (size: number): void => {
    if (size > maxBytes) {
      throw new VmtestError('VMTEST_AGENT_IO', `${path} in the guest has more than ${maxBytes} bytes; use getFile`);
    }
    if (size > held) add(Buffer.alloc(size - held));
  };
  await using operation = await Operation.open(`reading ${path}`, connect, options);
  await operation.send(request(FrameType.getFile, path));
  await firstEntry(operation, EntryKind.file);
  const received = await receiveContents(operation, {
    async write(bytes, position) {
      fill(position);
      add(Buffer.from(bytes));
      fill(held);
    },
    async end(size) {
      fill(size);
    },
  });
  wholeFile(received);
  await operation.readOk();
  return Buffer.concat(parts, held);
}

interface Level {
  path: Buffer;
  entry: Entry;
  created: boolean;
}

/**
 * True when a link at `depth` directories below the root stays in the tree. `..` counts only at the front: behind a
 * name that may itself be a link, nobody can say where it leads.
 */
export function staysInside(target: string, depth: number): boolean {
  if (target.startsWith('/')) return false;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const up = parts.findIndex((part) => part !== '..');
  const climbs = up === -1 ? parts.length : up;
  return climbs <= depth && !parts.slice(climbs).includes('..');
}

class TreeReader {
  readonly #operation: Operation;
  readonly #options: GetTreeOptions;
  readonly #levels: Level[] = [];
  readonly #result: TransferResult = { entries: 0, bytes: 0, skipped: [] };

  constructor(operation: Operation, options: GetTreeOptions) {
    this.#operation = operation;
    this.#options = options;
  }

  async run(destination: string): Promise<TransferResult> {
    const root = await firstEntry(this.#operation, EntryKind.directory);
    const created = (await onHost('write', destination, mkdir(destination, { recursive: true }))) !== undefined;
    this.#enter({ path: Buffer.from(destination), entry: root, created });
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      await this.#handle(await this.#operation.read(), level);
    }
    await this.#operation.readOk();
    return this.#result;
  }

  #enter(level: Level): void {
    this.#levels.push(level);
    this.#result.entries += 1;
    if (this.#levels.length > MAX_DEPTH) throw protocolError('a tree that is too deep');
  }

  async #handle({ type, payload }: Frame, level: Level): Promise<void> {
    if (type === FrameType.entry) {
      await this.#entry(readEntry(payload, false), level);
    } else if (type === FrameType.leave && payload.length === 0) {
      this.#levels.pop();
      if (level.created) await onHost('write', level.path, this.#finish(level));
    } else if (type === FrameType.skipped) {
      this.#skip(readSkipped(payload));
    } else {
      throw protocolError(`a frame of type ${type} in a tree`);
    }
  }

  /** Everything is created new: mkdir, O_EXCL and symlink all fail on a name that exists, a link included. */
  async #entry(entry: Entry, level: Level): Promise<void> {
    const path = Buffer.concat([level.path, Buffer.from('/'), entry.name]);
    try {
      if (entry.kind === EntryKind.directory) {
        await mkdir(path, { mode: 0o700 });
        this.#enter({ path, entry, created: true });
      } else if (entry.kind === EntryKind.symlink) {
        await this.#symlink(entry, path);
      } else {
        await this.#file(entry, path);
      }
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw syscall === undefined ? error : hostFileError('write', path, error);
      throw new VmtestError('VMTEST_AGENT_IO', `${path} exists already; getTree overwrites nothing`, { cause: error });
    }
  }

  async #file(entry: Entry, path: Buffer): Promise<void> {
    const received = await receiveFile(this.#operation, path, entry, this.#options.times !== false);
    if (typeof received !== 'number') return this.#skip(received);
    this.#result.bytes += received;
    this.#result.entries += 1;
  }

  /** Said by the guest or about it, and kept here: there is an end to how much. */
  #skip(skipped: Skipped): void {
    if (this.#result.skipped.length === MAX_SKIPPED) throw protocolError('a tree of which too much was left out');
    this.#result.skipped.push(skipped);
  }

  async #symlink(entry: Entry, path: Buffer): Promise<void> {
    const { symlinks = 'inside' } = this.#options;
    const inside = staysInside(entry.target.toString('latin1'), this.#levels.length - 1);
    if (symlinks === 'skip' || (symlinks === 'inside' && !inside)) {
      const root = this.#levels[0]?.path.length ?? 0;
      const reason = symlinks === 'skip' ? 'symbolic link' : `symbolic link out of the tree, to ${entry.target}`;
      return this.#skip({ path: path.subarray(root + 1).toString(), reason });
    }
    await symlink(entry.target, path);
    this.#result.entries += 1;
  }

  async #finish(level: Level): Promise<void> {
    // The owner can always enter and remove what was got.
    await chmod(level.path, (level.entry.mode & 0o777) | 0o700);
    const mtime = mtimeOf(level.entry);
    if (this.#options.times !== false) await utimes(level.path, mtime, mtime);
  }
}

/** Gets the contents of a directory of the guest into a directory of the host; overwrites nothing. */
export async function getTree(
  connect: Connect,
  path: string,
  destination: string,
  options: GetTreeOptions,
): Promise<TransferResult> {
  await using operation = await Operation.open(`reading the tree ${path}`, connect, options);
  await operation.send(request(FrameType.getTree, path));
  // Awaited here: the connection is closed when this function ends.
  return await new TreeReader(operation, options).run(destination);
}
