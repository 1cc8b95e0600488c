/**
 * Writes cpio archives in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst):
 * the kernel's own format for an initial RAM file system. Equal entries give equal bytes: sorted, with
 * zero times, owner root and inode numbers counted from 1.
 */

interface Common {
  /** Permission bits. Default: 0755 for a directory, 0644 for a file, 0600 for a device. */
  mode?: number;
}
export type CpioEntry =
  | ({ type: 'directory' } & Common)
  | ({ type: 'file'; data: Uint8Array } & Common)
  | { type: 'symlink'; target: string }
  | ({ type: 'character-device'; major: number; minor: number } & Common);

/** Paths without a leading slash, in any order. Directories on the way are added where they are missing. */
export type CpioTree = ReadonlyMap<string, CpioEntry>;

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;

/** The kernel looks for the next archive at a multiple of this (init/initramfs.c). */
export const CPIO_ALIGNMENT = 4;
const HEADER_BYTES = 110;

export const padding = (length: number): Buffer =>
  Buffer.alloc((CPIO_ALIGNMENT - (length % CPIO_ALIGNMENT)) % CPIO_ALIGNMENT);

/** The archive as pieces: join or write them one after another. */
export function encodeCpio(tree: CpioTree): Buffer[] {
  const complete = withParents(tree);
  const pieces: Buffer[] = [];
  let inode = 0;
  for (const path of [...complete.keys()].sort()) {
    inode += 1;
    pieces.push(...encodeEntry(path, complete.get(path) as CpioEntry, inode));
  }
  pieces.push(...encodeMember({ name: 'TRAILER!!!', mode: 0, inode: 0, links: 1, data: Buffer.alloc(0) }));
  return pieces;
}

function withParents(tree: CpioTree): Map<string, CpioEntry> {
  const complete = new Map(tree);
  for (const path of tree.keys()) {
    if (path === '' || path.startsWith('/') || path.includes('\0')) throw new Error(`bad path in an archive: ${path}`);
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth += 1) {
      const parent = names.slice(0, depth).join('/');
      if (!complete.has(parent)) complete.set(parent, { type: 'directory' });
    }
  }
  return complete;
}

function encodeEntry(name: string, entry: CpioEntry, inode: number): Buffer[] {
  const nothing = Buffer.alloc(0);
  switch (entry.type) {
    case 'directory':
      return encodeMember({ name, mode: S_IFDIR | (entry.mode ?? 0o755), inode, links: 2, data: nothing });
    case 'file':
      return encodeMember({ name, mode: S_IFREG | (entry.mode ?? 0o644), inode, links: 1, data: entry.data });
    case 'symlink':
      return encodeMember({ name, mode: S_IFLNK | 0o777, inode, links: 1, data: Buffer.from(entry.target) });
    case 'character-device': {
      const { major, minor } = entry;
      return encodeMember({
        name,
        mode: S_IFCHR | (entry.mode ?? 0o600),
        inode,
        links: 1,
        data: nothing,
        major,
        minor,
      });
    }
  }
}

interface Member {
  name: string;
  mode: number;
  inode: number;
  links: number;
  data: Uint8Array;
  major?: number;
  minor?: number;
}

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');

/** One member: the magic and 13 fields of 8 hexadecimal digits, the name, the data, both padded. */
function encodeMember(member: Member): Buffer[] {
  const name = Buffer.from(`${member.name}\0`);
  const fields = [
    member.inode,
    member.mode,
    0, // uid
    0, // gid
    member.links,
    0, // mtime
    member.data.length,
    0, // major and minor of the file system
    0,
    member.major ?? 0,
    member.minor ?? 0,
    name.length,
    0, // checksum, of the "crc" format only
  ];
  const header = Buffer.concat([Buffer.from(`070701${fields.map(hex).join('')}`, 'latin1'), name]);
  const data = Buffer.from(member.data.buffer, member.data.byteOffset, member.data.length);
  return [header, padding(HEADER_BYTES + name.length), data, padding(data.length)];
}
