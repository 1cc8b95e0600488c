/**
 * Headers of the tar archive that sqfstar reads; pure. tar-stream would write long names as pax records, and sqfstar
 * 4.5 takes leading `/` and `../` away from the target of a symbolic link in such a record. The records of GNU tar
 * (its manual, "Basic Tar Format") do not suffer from that, and their numbers have no limits.
 */
import type { Inode } from './tree.js';

const BLOCK = 512;
const MAX_FIELD = 100;

const TYPE_FLAGS: Readonly<Record<Inode['type'] | 'link' | 'long-name' | 'long-target' | 'pax', string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
  'long-name': 'L',
  'long-target': 'K',
  pax: 'x',
};

/** Two blocks of zeros end an archive. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK);

/** What fills the last block of an entry's data. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** Everything of an entry before its data. */
export function encodeEntry(path: string, inode: Inode): Buffer {
  return Buffer.concat([
    ...encodeXattrs(inode.xattrs),
    ...encodeLong('long-target', inode.type === 'symlink' ? inode.target : ''),
    ...encodeLong('long-name', path),
    header(path, inode.type, { ...inode, target: inode.type === 'symlink' ? inode.target : '' }),
  ]);
}

/** Another name of a file that was written before. */
export function encodeHardLink(path: string, target: string, inode: Inode): Buffer {
  return Buffer.concat([
    ...encodeLong('long-target', target),
    ...encodeLong('long-name', path),
    header(path, 'link', { ...inode, target, size: 0 }),
  ]);
}

function encodeLong(flag: 'long-name' | 'long-target', text: string): Buffer[] {
  const bytes = Buffer.from(`${text}\0`);
  return bytes.length - 1 <= MAX_FIELD ? [] : encodeRecord('././@LongLink', flag, bytes);
}

/** As libarchive writes them: the only form for values with any bytes, and without the padding of base64. */
function encodeXattrs(xattrs: ReadonlyMap<string, string>): Buffer[] {
  const records = [...xattrs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      return paxRecord(`LIBARCHIVE.xattr.${name}=${value.replace(/=+$/, '')}`);
    });
  return records.length === 0 ? [] : encodeRecord('././@PaxHeader', 'pax', Buffer.concat(records));
}

/** "LENGTH text\n", where the length counts its own digits (POSIX pax, "Extended Header"). */
export function paxRecord(text: string): Buffer {
  const rest = Buffer.byteLength(text) + 2;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return Buffer.from(`${length} ${text}\n`);
}

const NOBODY = { mode: 0o644, uid: 0, gid: 0, mtime: 0, target: '', major: 0, minor: 0 };

const encodeRecord = (name: string, flag: 'long-name' | 'long-target' | 'pax', data: Buffer): Buffer[] => [
  header(name, flag, { ...NOBODY, size: data.length }),
  data,
  tarPadding(data.length),
];

type Fields = Pick<Inode, 'mode' | 'uid' | 'gid' | 'mtime' | 'size' | 'target' | 'major' | 'minor'>;

function header(name: string, type: keyof typeof TYPE_FLAGS, fields: Fields): Buffer {
  const block = Buffer.alloc(BLOCK);
  const putText = (text: string, at: number, length: number) => Buffer.from(text).copy(block, at, 0, length);
  // Octal digits, or where these do not suffice, a big endian number behind a mark.
  const putNumber = (value: number, at: number, length: number): void => {
    const digits = value.toString(8).padStart(length - 1, '0');
    if (digits.length < length) {
      putText(digits, at, length);
      return;
    }
    block.writeBigUInt64BE(BigInt(value), at + length - 8);
    block[at] = (block[at] ?? 0) | 0x80;
  };
  putText(name, 0, MAX_FIELD);
  putNumber(fields.mode, 100, 8);
  putNumber(fields.uid, 108, 8);
  putNumber(fields.gid, 116, 8);
  putNumber(fields.size, 124, 12);
  putNumber(fields.mtime, 136, 12);
  putText(TYPE_FLAGS[type], 156, 1);
  putText(fields.target, 157, MAX_FIELD);
  putText('ustar  \0', 257, 8);
  putNumber(fields.major, 329, 8);
  putNumber(fields.minor, 337, 8);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  putText(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return block;
}
