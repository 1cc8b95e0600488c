/** What a root is, from its first bytes. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../cache.js';
import { compressionOf } from '../decompress.js';
import { reasonOf } from '../reason.js';
import { badRoot } from './bad-root.js';
import { choosePartition, parseBootRecord, readPartitions } from './partitions.js';
import { type FileSystem, fileSystemOf, SUPERBLOCK_BYTES } from './superblock.js';

export type RootKind =
  | { kind: 'directory' }
  /** A directory in the OCI image layout. */
  | { kind: 'oci-layout' }
  | { kind: 'image'; fstype: FileSystem; partition?: number }
  /** A tar archive, perhaps compressed, perhaps of a container image. */
  | { kind: 'archive' };

type FileKind = { kind: 'file-system'; fstype: FileSystem } | { kind: 'disk' } | { kind: 'archive' };

/** Formats that people try, and what helps. */
const REFUSED: readonly (readonly [offset: number, magic: string, name: string])[] = [
  [0, 'QFI\xfb', 'a qcow2 image'],
  [0, 'KDMV', 'a VMDK image'],
  [0, 'COWD', 'a VMDK image'],
  [0, '# Disk DescriptorFile', 'a VMDK image'],
  [0, 'vhdxfile', 'a VHDX image'],
  [0, 'conectix', 'a VHD image'],
  [0x40, '\x7f\x10\xda\xbe', 'a VDI image'],
];
const UNUSABLE: readonly (readonly [offset: number, magic: string, what: string])[] = [
  [0, 'LUKS\xba\xbe', 'is encrypted with LUKS'],
  [0, 'PK\x03\x04', 'is a zip archive; pack it as a tarball, which keeps owners and modes'],
  [0, '070701', 'is a cpio archive; give it with --initrd'],
  [0, '!<arch>', 'is a Debian package or another ar archive; unpack it first'],
  [0, '\x7fELF', 'is a program, not a root'],
  [32769, 'CD001', 'is an ISO image; unpack it first'],
];

/** From the first bytes of a file, `SUPERBLOCK_BYTES` where it has as many; pure. */
export function classify(label: string, head: Buffer): FileKind {
  const has = (offset: number, magic: string): boolean =>
    head.toString('latin1', offset, offset + magic.length) === magic;
  const foreign = REFUSED.find(([offset, magic]) => has(offset, magic));
  if (foreign !== undefined) {
    const advice = `convert it: qemu-img convert -O raw ${label} ${label}.raw`;
    throw badRoot(label, `is ${foreign[2]}, and only raw ones can be used; ${advice}`);
  }
  // Before file systems: what a disk held before it was partitioned may still lie behind its table.
  if (has(512, 'EFI PART')) return { kind: 'disk' };
  if (has(4096, 'EFI PART')) throw badRoot(label, 'has a partition table for sectors of 4096 bytes, not 512');
  const fstype = fileSystemOf(head);
  if (fstype !== undefined) return { kind: 'file-system', fstype };
  if (compressionOf(head) !== undefined || isTar(head)) return { kind: 'archive' };
  const unusable = UNUSABLE.find(([offset, magic]) => has(offset, magic));
  if (unusable !== undefined) throw badRoot(label, unusable[2]);
  if (parseBootRecord(head) !== undefined) return { kind: 'disk' };
  throw badRoot(
    label,
    'is no directory, tarball, container image, or raw image with ext4, squashfs, erofs, xfs or btrfs',
  );
}

/** By the checksum of the first header, as old archives have no magic; an archive without entries is all zeros. */
function isTar(head: Buffer): boolean {
  if (head.length < 512) return false;
  const header = head.subarray(0, 512);
  if (head.length >= 1024 && head.subarray(0, 1024).every((byte) => byte === 0)) return head.length < SUPERBLOCK_BYTES;
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return Number.parseInt(header.toString('latin1', 148, 156), 8) === sum;
}

/** Looks at what the path is. `partition` is the number that the user chose. */
export async function identify(label: string, path: string, partition?: number): Promise<RootKind> {
  const status = await stat(path).catch((cause: unknown) => {
    throw badRoot(label, reasonOf(cause), cause);
  });
  if (status.isDirectory()) return { kind: (await exists(join(path, 'oci-layout'))) ? 'oci-layout' : 'directory' };
  if (!status.isFile() && !status.isBlockDevice()) throw badRoot(label, 'is neither a file, a directory nor a disk');
  if (status.isFile() && status.size === 0) throw badRoot(label, 'is empty');
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw badRoot(label, reasonOf(cause), cause);
  });
  try {
    const file = classify(label, await readAt(handle, 0, SUPERBLOCK_BYTES));
    if (file.kind === 'archive') return file;
    if (file.kind === 'disk') return await partitionOf(label, path, handle, partition);
    if (partition !== undefined) throw badRoot(label, `is one ${file.fstype} file system, without partitions`);
    return { kind: 'image', fstype: file.fstype };
  } finally {
    await handle.close();
  }
}

async function partitionOf(label: string, path: string, handle: FileHandle, wanted?: number): Promise<RootKind> {
  const all = await readPartitions((offset, length) => readAt(handle, offset, length));
  if (all === undefined) throw badRoot(label, 'has a damaged partition table');
  const { number, start } = choosePartition(label, path, all, wanted);
  const fstype = fileSystemOf(await readAt(handle, start, SUPERBLOCK_BYTES));
  if (fstype !== undefined) return { kind: 'image', fstype, partition: number };
  throw badRoot(label, `partition ${number} holds no file system of ext4, squashfs, erofs, xfs or btrfs`);
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
