/** What kind of kernel a file is, from its first bytes; pure. */
import { type Compression, compressionOf } from '../decompress.js';
import { type Arm64Image, isArm64Image, isZboot, parseArm64Image, parseZboot, type Zboot } from './arm64-image.js';
import { badKernel } from './bad-kernel.js';
import { type BzImage, isBzImage, parseBzImage } from './bzimage.js';

export interface ElfKernel {
  format: 'elf';
  /** Any that ELF knows, not only those that guests can have. */
  arch: string;
}

/** A kernel that must be unpacked before more can be said of it. */
export interface PackedKernel {
  format: 'packed';
  compression: Compression;
}

export type KernelFile = ElfKernel | BzImage | Arm64Image | Zboot | PackedKernel;

/** How much of the file `parseKernelFile` wants to see: the largest setup code of a bzImage is 64 sectors. */
export const KERNEL_HEAD_BYTES = 65 * 512;

const MACHINES: Readonly<Record<number, string>> = {
  3: 'i386',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv',
  258: 'loongarch',
};

/** `size` is that of the whole file. Throws `VMTEST_BAD_INPUT` when it is nothing that can be booted. */
export function parseKernelFile(path: string, head: Buffer, size: number): KernelFile {
  if (size === 0) throw badKernel(path, 'is empty');
  if (head.length >= 4 && head.readUInt32BE(0) === 0x7f454c46) return parseElf(path, head, size);
  if (isZboot(head)) return parseZboot(path, head, size);
  if (isArm64Image(head)) return parseArm64Image(path, head, size);
  if (isBzImage(head)) return parseBzImage(path, head, size);
  const compression = compressionOf(head);
  if (compression !== undefined) return { format: 'packed', compression };
  throw badKernel(path, 'is not a Linux kernel (an ELF vmlinux, a bzImage, an arm64 Image, or one of them compressed)');
}

function parseElf(path: string, head: Buffer, size: number): ElfKernel {
  if (head.length < 64) throw badKernel(path, 'is a truncated ELF file');
  if (head[5] !== 1) throw badKernel(path, 'is a big-endian ELF file, a little-endian kernel is needed');
  const machine = head.readUInt16LE(18);
  const arch = MACHINES[machine] ?? `ELF machine ${machine}`;
  // Checked before the class: "for i386" says more than "32-bit".
  if (arch !== 'x86_64' && arch !== 'aarch64') return { format: 'elf', arch };
  if (head[4] !== 2) throw badKernel(path, 'is a 32-bit ELF file, a 64-bit kernel is needed');
  const type = head.readUInt16LE(16);
  if (type !== 2 && type !== 3) throw badKernel(path, 'is an ELF file, but not an executable one');
  const headersEnd = Number(head.readBigUInt64LE(32)) + head.readUInt16LE(54) * head.readUInt16LE(56);
  if (headersEnd > size)
    throw badKernel(path, `is a truncated ELF file: ${size} bytes, its headers need ${headersEnd}`);
  return { format: 'elf', arch };
}
