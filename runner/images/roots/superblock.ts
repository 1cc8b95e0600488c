/** File systems by the magic numbers of their superblocks; pure. */

/** As mount(2) calls them. `ext4` stands for ext2 and ext3 too: one driver mounts all three. */
export type FileSystem = 'ext4' | 'squashfs' | 'erofs' | 'xfs' | 'btrfs';

/** How many bytes from the beginning of a file system are looked at: that of btrfs is the farthest. */
export const SUPERBLOCK_BYTES = 65536 + 72;

const EXT_SUPERBLOCK = 1024;
/** The block size of ext4 is 1024 shifted by at most this (fs/ext4/ext4.h, EXT4_MAX_BLOCK_LOG_SIZE). */
const EXT_MAX_LOG_BLOCK_SIZE = 6;

export function fileSystemOf(head: Buffer): FileSystem | undefined {
  const text = (offset: number, expected: string): boolean =>
    head.toString('latin1', offset, offset + expected.length) === expected;
  if (text(0, 'hsqs')) return 'squashfs';
  if (text(0, 'XFSB')) return 'xfs';
  if (head.length >= EXT_SUPERBLOCK + 4 && head.readUInt32LE(EXT_SUPERBLOCK) === 0xe0f5e1e2) return 'erofs';
  if (isExt(head)) return 'ext4';
  if (text(65536 + 64, '_BHRfS_M')) return 'btrfs';
  return undefined;
}

/** Two bytes of magic alone would take other data for a file system. */
function isExt(head: Buffer): boolean {
  if (head.length < EXT_SUPERBLOCK + 64 || head.readUInt16LE(EXT_SUPERBLOCK + 56) !== 0xef53) return false;
  const inodes = head.readUInt32LE(EXT_SUPERBLOCK);
  return inodes > 0 && head.readUInt32LE(EXT_SUPERBLOCK + 24) <= EXT_MAX_LOG_BLOCK_SIZE;
}

/** These have no way to be written. */
export const isReadOnly = (fstype: FileSystem): boolean => fstype === 'squashfs' || fstype === 'erofs';
