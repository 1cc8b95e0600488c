import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, stat } from 'node:fs/promises';

import { VmtestError } from '../errors.js';
import { onHost } from './agent-error.js';
import { FrameBuilder } from './codec.js';
import { type Entry, writeEntry } from './entry.js';
import { type Connect, Operation, type OperationOptions } from './operation.js';
import { EntryKind, FrameType, MAX_PAYLOAD, TransferFlag } from './protocol.js';

export interface PutOptions extends OperationOptions {
  /** Permission bits in the guest, for one file. Default: those of the source, or 0o644 for contents from memory. */
  mode?: number;
  /** Keep the numbers of owner and group. Default: false, root owns what is put. */
  owner?: boolean;
  /** Create missing directories above the destination. Default: true. */
  parents?: boolean;
  /** Keep the modification times. Default: true for files of the host. */
  times?: boolean;
}

/** What a transfer did not carry, and why. */
export interface Skipped {
  path: string;
  reason: string;
}

export interface TransferResult {
  /** Files, directories and links, the root included. */
  entries: number;
  /** Bytes of contents, without holes. */
  bytes: number;
  skipped: Skipped[];
}

/** Contents of a file to be: a path of the host, bytes, or chunks. */
export type PutSource = string | Uint8Array | AsyncIterable<Uint8Array>;

const PAGE = 4096;
const ZEROS = Buffer.alloc(PAGE);
const EMPTY = Buffer.alloc(0);

function request(type: number, path: string, options: PutOptions): Buffer {
  const flags =
    (options.owner === true ? TransferFlag.owner : 0) |
    (options.parents === false ? 0 : TransferFlag.parents) |
    (options.times === false ? 0 : TransferFlag.times);
  return new FrameBuilder(type).string(path).u8(flags).build();
}

function entryOf(kind: number, name: Buffer, status: Stats, target = EMPTY): Entry {
  // Node gives milliseconds with a fraction; what is left of the nanoseconds is rounded to microseconds.
  const microseconds = BigInt(Math.round(status.mtimeMs * 1000));
  const inSecond = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return {
    kind,
    name,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    mtimeSeconds: (microseconds - inSecond) / 1_000_000n,
    mtimeNanoseconds: Number(inSecond) * 1000,
    target,
  };
}

/** Runs of zero pages become holes. */
async function sendSparse(operation: Operation, chunk: Buffer): Promise<number> {
  let sent = 0;
  let at = 0;
  const isZero = (from: number): boolean => {
    const page = chunk.subarray(from, Math.min(from + PAGE, chunk.length));
    return page.equals(ZEROS.subarray(0, page.length));
  };
  while (at < chunk.length) {
    const zero = isZero(at);
    let end = Math.min(at + PAGE, chunk.length);
    while (end < chunk.length && isZero(end) === zero) end = Math.min(end + PAGE, chunk.length);
    if (zero) {
      await operation.send(new FrameBuilder(FrameType.hole).u64(BigInt(end - at)).build());
    } else {
      await operation.sendData(chunk.subarray(at, end));
      sent += end - at;
    }
    at = end;
  }
  return sent;
}

async function sendFile(operation: Operation, file: FileHandle, status: Stats): Promise<number> {
  // Node cannot ask for holes (SEEK_DATA). A file with fewer blocks than bytes has some; its zero pages become holes.
  const sparse = status.blocks * 512 < status.size;
  let position = 0;
  let sent = 0;
  while (true) {
    // A new buffer for each chunk: the stream may still hold the last one.
    const buffer = Buffer.allocUnsafeSlow(MAX_PAYLOAD);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    if (sparse) {
      sent += await sendSparse(operation, chunk);
    } else {
      await operation.sendData(chunk);
      sent += bytesRead;
    }
    position += bytesRead;
  }
  await operation.send(new FrameBuilder(FrameType.fileEnd).u64(BigInt(position)).build());
  return sent;
}

async function sendChunks(operation: Operation, source: AsyncIterable<Uint8Array> | Uint8Array[]): Promise<number> {
  let sent = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length; at += MAX_PAYLOAD) {
      // A copy: the caller may use its memory again.
      const chunk = Buffer.from(piece.subarray(at, at + MAX_PAYLOAD));
      await operation.sendData(chunk);
      sent += chunk.length;
    }
  }
  await operation.send(new FrameBuilder(FrameType.fileEnd).u64(BigInt(sent)).build());
  return sent;
}

/**
 * Sends while listening: the agent may refuse in the middle, and its reason is better than the broken pipe that follows.
 */
async function exchange<T>(operation: Operation, sending: () => Promise<T>): Promise<T> {
  const answer = operation.readOk();
  answer.catch(() => {});
  let value: T;
  try {
    const sent = sending();
    sent.catch(() => {});
    // What comes before everything was sent can only be an error: OK waits for the rest.
    value = await Promise.race([sent, answer.then(() => sent)]);
  } catch (error) {
    // A broken pipe is the agent's refusal seen from behind: ask for the refusal itself.
    if ((error as { code?: unknown }).code === 'VMTEST_AGENT_LOST') await answer;
    throw error;
  }
  await answer;
  return value;
}

/** Puts one file at an absolute path of the guest. It appears there whole or not at all. */
export async function putFile(
  connect: Connect,
  source: PutSource,
  path: string,
  options: PutOptions,
): Promise<TransferResult> {
  const fromHost = typeof source === 'string';
  await using file = fromHost
    ? await onHost('read', source, open(source, constants.O_RDONLY | constants.O_NONBLOCK))
    : undefined;
  const status = await file?.stat();
  if (fromHost && status?.isFile() !== true) {
    const why = status?.isDirectory() === true ? 'is a directory' : 'is not a regular file';
    throw new VmtestError('VMTEST_HOST_FILE', `cannot read ${source} on the host: it ${why}`, {
      context: { path: source, errno: status?.isDirectory() === true ? 'EISDIR' : 'EINVAL' },
    });
  }
  await using operation = await Operation.open(`writing ${path}`, connect, options);
  const bytes = await exchange(operation, async () => {
    await operation.send(request(FrameType.putFile, path, { times: fromHost, ...options }));
    const entry: Entry =
      status === undefined
        ? {
            kind: EntryKind.file,
            name: EMPTY,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtimeSeconds: 0n,
            mtimeNanoseconds: 0,
            target: EMPTY,
          }
        : entryOf(EntryKind.file, EMPTY, status);
    await operation.send(writeEntry({ ...entry, mode: options.mode ?? entry.mode }));
    if (fromHost && file !== undefined && status !== undefined) {
      return onHost('read', source, sendFile(operation, file, status));
    }
    return sendChunks(operation, source instanceof Uint8Array ? [source] : (source as AsyncIterable<Uint8Array>));
  });
  return { entries: 1, bytes, skipped: [] };
}

const SLASH = Buffer.from('/');

async function sendDirectory(
  operation: Operation,
  path: Buffer,
  relative: Buffer,
  result: TransferResult,
): Promise<void> {
  const names = await onHost('read', path, readdir(path, { encoding: 'buffer' }));
  // The same tree makes the same transfer.
  names.sort(Buffer.compare);
  for (const name of names) {
    const child = Buffer.concat([path, SLASH, name]);
    const shown = relative.length === 0 ? name : Buffer.concat([relative, SLASH, name]);
    const status = await onHost('read', child, lstat(child));
    if (status.isDirectory()) {
      await operation.send(writeEntry(entryOf(EntryKind.directory, name, status)));
      result.entries += 1;
      await sendDirectory(operation, child, shown, result);
    } else if (status.isSymbolicLink()) {
      const target = await onHost('read', child, readlink(child, { encoding: 'buffer' }));
      await operation.send(writeEntry(entryOf(EntryKind.symlink, name, status, target)));
      result.entries += 1;
    } else if (status.isFile()) {
      // What was a file a moment ago must not be followed or waited for now.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      await using file = await onHost('read', child, open(child, flags));
      const current = await file.stat();
      await operation.send(writeEntry(entryOf(EntryKind.file, name, current)));
      result.bytes += await onHost('read', child, sendFile(operation, file, current));
      result.entries += 1;
    } else {
      result.skipped.push({ path: shown.toString(), reason: 'not a file, directory or link' });
    }
  }
  await operation.send(new FrameBuilder(FrameType.leave).build());
}

/** Puts the contents of a directory of the host into a directory of the guest, which may exist. */
export async function putTree(
  connect: Connect,
  source: string,
  path: string,
  options: PutOptions,
): Promise<TransferResult> {
  const status = await onHost('read', source, stat(source));
  if (!status.isDirectory()) {
    throw new VmtestError('VMTEST_HOST_FILE', `cannot read ${source} on the host: it is not a directory`, {
      context: { path: source, errno: 'ENOTDIR' },
    });
  }
  const result: TransferResult = { entries: 1, bytes: 0, skipped: [] };
  await using operation = await Operation.open(`writing the tree ${path}`, connect, options);
  // Awaited here: the connection is closed when this function ends.
  return await exchange(operation, async () => {
    await operation.send(request(FrameType.putTree, path, options));
    await operation.send(writeEntry(entryOf(EntryKind.directory, EMPTY, status)));
    await sendDirectory(operation, Buffer.from(source), EMPTY, result);
    return result;
  });
}
