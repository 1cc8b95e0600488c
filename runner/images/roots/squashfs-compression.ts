/** How a SquashFS is compressed: a kernel reads only what it was configured for. */
import { open } from 'node:fs/promises';
import type { Feature } from '../kernels/requirements.js';
import type { Root } from './root.js';

/** By the number in the superblock (fs/squashfs/squashfs_fs.h); Linux has no decompressor for 2, lzma. */
const COMPRESSIONS: Readonly<Record<number, Feature>> = {
  1: 'squashfs-gzip',
  3: 'squashfs-lzo',
  4: 'squashfs-xz',
  5: 'squashfs-lz4',
  6: 'squashfs-zstd',
};

/** `struct squashfs_super_block`: the magic, four more words of 32 bits, then this one of 16. */
const COMPRESSION_OFFSET = 20;

/** What the kernel must be able to do; undefined for other file systems, and for a partition, which begins somewhere in the file. */
export async function squashfsCompression({
  path,
  fstype,
  partition,
}: Pick<Root, 'path' | 'fstype' | 'partition'>): Promise<Feature | undefined> {
  if (fstype !== 'squashfs' || partition !== undefined) return undefined;
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, COMPRESSION_OFFSET);
  return COMPRESSIONS[buffer.readUInt16LE(0)];
}
