/** The entries of a tar archive, one after another. */
import type { Extract, Header } from 'tar-stream';
import { VmtestError } from '../../errors.js';
import { badRoot, quoted } from './bad-root.js';
import { type SparseMap, sparseMapOf } from './sparse.js';

export type EntryType = 'file' | 'directory' | 'symlink' | 'link' | 'character-device' | 'block-device' | 'fifo';

export interface TarEntry {
  /** As the archive has it. */
  name: string;
  type: EntryType;
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970; never before. */
  mtime: number;
  /** Of the file as it is to be, holes included. */
  size: number;
  /** Of a symbolic or hard link. */
  target: string;
  major: number;
  minor: number;
  /** Extended attributes: values in base64, as they are any bytes. */
  xattrs: ReadonlyMap<string, string>;
  /** Where the data begins in the (decompressed) archive. */
  offset: number;
  sparse?: SparseMap;
}

/** What tar-stream gives, where its types promise too much or too little. */
interface RawHeader extends Omit<Header, 'type' | 'linkname' | 'pax'> {
  /** null: a kind that it does not know. */
  type: Header['type'] | null;
  linkname: string | null;
  pax: Readonly<Record<string, string>> | null;
  byteOffset: number;
}

/** Archives before POSIX have no magic; the checksum of the header tells enough. */
const OPTIONS: object = { allowUnknownFormat: true };

export interface TarRead {
  entry: TarEntry;
  /** To be read before the next entry is asked for, or not at all. */
  data: AsyncIterable<Buffer>;
}

/** Throws `VMTEST_BAD_INPUT` where the archive is damaged or has what cannot be a file of a root. */
export async function* readTar(label: string, source: AsyncIterable<Buffer>): AsyncGenerator<TarRead> {
  const { extract } = await import('tar-stream');
  const archive = extract(OPTIONS);
  let first: unknown;
  archive.on('error', (error) => {
    first ??= error;
  });
  const fed = feed(source, archive);
  // Where the archive ends too early its entry may fail before it says why.
  const reason = async (error: unknown): Promise<unknown> => {
    archive.destroy(null);
    await fed;
    return explain(label, first ?? error);
  };
  const dataOf = async function* (entry: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
    try {
      yield* entry as AsyncIterable<Buffer>;
    } catch (error) {
      throw await reason(error);
    }
  };
  try {
    for await (const entry of archive) {
      const header = entry.header as unknown as RawHeader;
      yield { entry: parseHeader(label, header), data: dataOf(entry) };
      entry.resume();
    }
    await fed;
  } catch (error) {
    throw await reason(error);
  } finally {
    archive.destroy(null);
    await fed;
  }
}

/** tar-stream's own errors are plain ones about the archive, or the code of a stream that ended; others have causes. */
function explain(label: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof VmtestError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && code !== 'STREAM_DESTROYED') return error;
  if (/unexpected end/i.test(error.message)) return badRoot(label, 'is an archive that ends too early', error);
  if (code === undefined && !/^invalid|max size/i.test(error.message)) return error;
  return badRoot(label, 'is no tar archive, or a damaged one', error);
}

/** Never rejects: the error of the source becomes that of the archive. */
async function feed(source: AsyncIterable<Buffer>, archive: Extract): Promise<void> {
  let closed = false;
  let wake = (): void => {};
  archive.on('drain', () => wake());
  archive.on('close', () => {
    closed = true;
    wake();
  });
  try {
    for await (const chunk of source) {
      if (closed) return;
      const room = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (!archive.write(chunk) && !closed) await room;
    }
    archive.end(null);
  } catch (error) {
    archive.destroy(error as Error);
  }
}

const TYPES: ReadonlySet<string> = new Set<EntryType>([
  'file',
  'directory',
  'symlink',
  'link',
  'character-device',
  'block-device',
  'fifo',
]);

function parseHeader(label: string, header: RawHeader): TarEntry {
  const pax = header.pax ?? {};
  const sparse = sparseMapOf(pax);
  const name = pax['GNU.sparse.name'] ?? header.name;
  const bad = (reason: string) => badRoot(label, `entry ${quoted(name)} ${reason}`);
  const type = header.type === 'contiguous-file' ? 'file' : header.type;
  if (!isEntryType(type)) {
    throw bad('is of an unknown kind, perhaps a sparse file of the old GNU format; write it with tar --format=posix');
  }
  if (sparse === 'unknown') throw bad('is a sparse file of an old format; write it with tar --sparse-version=1.0');
  const number = (what: string, value: number, own: string | undefined, limit: number): number => {
    const found = own === undefined ? value : Number(own);
    if (Number.isSafeInteger(found) && found >= 0 && found <= limit) return found;
    throw bad(`has a bad ${what}`);
  };
  const stored = number('size', header.size, undefined, Number.MAX_SAFE_INTEGER);
  if (type === 'link' && stored > 0) throw bad('is a hard link with data');
  return {
    name,
    type,
    mode: number('mode', header.mode, undefined, Number.MAX_SAFE_INTEGER) & 0o7777,
    uid: number('owner', header.uid, pax['uid'], 2 ** 32 - 2),
    gid: number('group', header.gid, pax['gid'], 2 ** 32 - 2),
    mtime: Math.min(Math.max(Math.floor(timeOf(header, pax)), 0), 2 ** 32 - 1),
    size: type !== 'file' ? 0 : sparse === undefined ? stored : number('size', sparse.size, undefined, 2 ** 53 - 1),
    target: header.linkname ?? '',
    major: number('device number', header.devmajor, undefined, 4095),
    minor: number('device number', header.devminor, undefined, 2 ** 20 - 1),
    xattrs: xattrsOf(pax),
    offset: header.byteOffset,
    ...(sparse === undefined ? {} : { sparse }),
  };
}

const isEntryType = (type: string | null | undefined): type is EntryType => TYPES.has(type ?? '');

function timeOf(header: RawHeader, pax: Readonly<Record<string, string>>): number {
  const seconds = Number(pax['mtime'] ?? header.mtime.getTime() / 1000);
  return Number.isFinite(seconds) ? seconds : 0;
}

/** The namespaces that squashfs can hold. */
const XATTR = /^SCHILY\.xattr\.((?:user|trusted|security)\.[^=\s]+)$/;

/** One whose value was no text is left out: tar-stream decodes values as text, which damages other bytes. */
function xattrsOf(pax: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(pax)) {
    const name = XATTR.exec(key)?.[1];
    if (name === undefined || value.includes('\ufffd')) continue;
    found.set(name, Buffer.from(value).toString('base64'));
  }
  return found;
}
