// An initramfs writer: the "newc" format of cpio (Linux Documentation/driver-api/early-userspace/buffer-format).

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/**
 * @typedef {{ path: string, mode?: number, data?: Buffer | string, link?: string }} Entry
 * A file when `data` is there, a symbolic link when `link` is, else a directory.
 */

/**
 * @param {Entry[]} entries parents before what they hold
 * @returns {Buffer}
 */
export function packCpio(entries) {
  const parts = entries.map((entry, index) => {
    const data = Buffer.from(entry.link ?? entry.data ?? '');
    const kind = entry.link !== undefined ? S_IFLNK : entry.data !== undefined ? S_IFREG : S_IFDIR;
    const permissions = entry.mode ?? (kind === S_IFREG ? 0o644 : 0o755);
    return record(entry.path, index + 1, kind | permissions, data);
  });
  return Buffer.concat([...parts, record('TRAILER!!!', 0, 0, Buffer.alloc(0))]);
}

/** @type {(path: string, inode: number, mode: number, data: Buffer) => Buffer} */
function record(path, inode, mode, data) {
  const name = Buffer.from(`${path}\0`);
  const links = 1;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([pad4(Buffer.concat([header, name])), pad4(data)]);
}

/** @param {Buffer} bytes */
function pad4(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
