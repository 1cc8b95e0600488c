import { protocolError } from './agent-error.js';
import { FrameBuilder, isPlainName, PayloadReader } from './codec.js';
import { EntryKind, FrameType } from './protocol.js';

/** One file, directory or symbolic link of a transfer. Names are bytes: a guest's need not be UTF-8. */
export interface Entry {
  kind: number;
  /** One path component; empty for the root of a transfer. */
  name: Buffer;
  /** Permission bits, 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  mtimeSeconds: bigint;
  mtimeNanoseconds: number;
  /** Of a symbolic link. */
  target: Buffer;
}

export function writeEntry(entry: Entry): Buffer {
  return new FrameBuilder(FrameType.entry)
    .u8(entry.kind)
    .string(entry.name)
    .u32(entry.mode)
    .u32(entry.uid)
    .u32(entry.gid)
    .u64(entry.mtimeSeconds)
    .u32(entry.mtimeNanoseconds)
    .string(entry.target)
    .build();
}

/** What comes from a guest is hostile: a name that could leave its directory never gets past here. */
export function readEntry(payload: Buffer, root: boolean): Entry {
  const reader = new PayloadReader(payload);
  const entry: Entry = {
    kind: reader.u8(),
    name: reader.bytes(),
    mode: reader.u32(),
    uid: reader.u32(),
    gid: reader.u32(),
    mtimeSeconds: reader.i64(),
    mtimeNanoseconds: reader.u32(),
    target: reader.bytes(),
  };
  reader.end();
  const nameFits = root ? entry.name.length === 0 : isPlainName(entry.name);
  if (!nameFits) {
    throw protocolError(`the name ${JSON.stringify(entry.name.toString())} is not one plain path component`);
  }
  const isLink = entry.kind === EntryKind.symlink;
  if (
    entry.kind < EntryKind.file ||
    entry.kind > EntryKind.symlink ||
    entry.mode > 0o7777 ||
    entry.mtimeNanoseconds >= 1_000_000_000 ||
    isLink !== entry.target.length > 0 ||
    entry.target.includes(0)
  ) {
    throw protocolError('a malformed entry');
  }
  return entry;
}

/** Milliseconds since 1970 for the file system calls of Node, which take no nanoseconds. */
export function mtimeOf(entry: Entry): Date {
  return new Date(Number(entry.mtimeSeconds) * 1000 + Math.floor(entry.mtimeNanoseconds / 1e6));
}
