/** Debian and RPM packages: where in the file the archive of its files is. */
import type { FileHandle } from 'node:fs/promises';
import { badArchive } from './byte-reader.js';
import type { ArchiveReader } from './entry.js';
import { readCpio } from './read-cpio.js';
import { readTar } from './tar.js';

export type PackageKind = 'deb' | 'rpm';

export interface Payload {
  /** Bytes from the start of the file. */
  offset: number;
  length: number;
  read: ArchiveReader;
}

/** What kind of package starts like this; undefined for everything else. */
export function packageKind(head: Buffer): PackageKind | undefined {
  if (head.toString('latin1', 0, 8) === '!<arch>\n') return 'deb';
  if (head.length >= 4 && head.readUInt32BE(0) === 0xedabeedb) return 'rpm';
  return undefined;
}

export async function findPayload(file: FileHandle, kind: PackageKind): Promise<Payload> {
  const { size } = await file.stat();
  const readAt = async (offset: number, length: number): Promise<Buffer> => {
    const piece = Buffer.alloc(length);
    const { bytesRead } = await file.read(piece, 0, length, offset);
    if (bytesRead < length) throw badArchive('it ends too early');
    return piece;
  };
  const payload = await (kind === 'deb' ? inDeb(readAt, size) : inRpm(readAt, size));
  if (payload.length <= 0 || payload.offset + payload.length > size) throw badArchive('it ends too early');
  return payload;
}

type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** deb(5): an ar archive of `debian-binary`, `control.tar.*` and `data.tar.*`, each at an even offset. */
async function inDeb(readAt: ReadAt, size: number): Promise<Payload> {
  const header = 60;
  for (let offset = 8; offset + header <= size; ) {
    const text = (await readAt(offset, header)).toString('latin1');
    const fields = /^(.{16}).{32}(\d+) *`\n$/s.exec(text);
    if (fields === null) throw badArchive('it is damaged: a wrong ar header');
    const name = (fields[1] ?? '').replace(/\/? *$/, '');
    const length = Number(fields[2]);
    if (/^data\.tar(\.\w+)?$/.test(name)) return { offset: offset + header, length, read: readTar };
    offset += header + length + (length % 2);
  }
  throw badArchive('it holds no data.tar');
}

const LEAD_BYTES = 96;
const RPM_HEADER_MAGIC = 0x8eade801;

/** A lead of 96 bytes, a header of signatures up to a multiple of 8, the header, the archive (docs/manual/format.md of RPM). */
async function inRpm(readAt: ReadAt, size: number): Promise<Payload> {
  const endOfHeader = async (offset: number): Promise<number> => {
    const intro = await readAt(offset, 16);
    if (intro.readUInt32BE(0) !== RPM_HEADER_MAGIC) throw badArchive('it is damaged: a wrong RPM header');
    // An index of entries with 16 bytes each, then their data.
    return offset + 16 + intro.readUInt32BE(8) * 16 + intro.readUInt32BE(12);
  };
  const signatures = await endOfHeader(LEAD_BYTES);
  const offset = await endOfHeader(Math.ceil(signatures / 8) * 8);
  return { offset, length: size - offset, read: readCpio };
}
