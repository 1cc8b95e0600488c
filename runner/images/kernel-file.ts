/** What kind of kernel a file is, from its first bytes; pure. */
import { VmtestError } from '../errors.js';

export type KernelFile = { format: 'elf' } | BzImage;

export interface BzImage {
  format: 'bzimage';
  /** `uname -r` of the kernel, where the header says it. */
  release?: string;
  /** The compressed vmlinux inside; absent before boot protocol 2.08. */
  payload?: { offset: number; length: number };
}

/** How much of the file `parseKernelFile` wants to see: the largest setup code is 64 sectors. */
export const KERNEL_HEAD_BYTES = 65 * 512;

const EM_X86_64 = 62;
const MACHINES: Readonly<Record<number, string>> = {
  3: 'i386',
  40: 'arm',
  183: 'aarch64',
  243: 'riscv',
  258: 'loongarch',
};

export const badKernel = (path: string, reason: string): VmtestError =>
  new VmtestError('VMTEST_BAD_INPUT', `kernel ${path}: ${reason}`, { context: { path } });

/** `size` is that of the whole file. Throws `VMTEST_BAD_INPUT` when it is nothing that can be booted. */
export function parseKernelFile(path: string, head: Buffer, size: number): KernelFile {
  if (size === 0) throw badKernel(path, 'is empty');
  if (head.length >= 4 && head.readUInt32BE(0) === 0x7f454c46) return parseElf(path, head, size);
  // Documentation/arch/arm64/booting.rst: "ARM\x64" at 56, in an Image; a zboot image says "zimg" at 4.
  const isArm64 = head.length >= 60 && head.toString('latin1', 56, 60) === 'ARMd';
  if (isArm64) throw badKernel(path, 'is built for aarch64, this machine is x86_64');
  // Documentation/arch/x86/boot.rst: boot_flag at 0x1fe, header at 0x202.
  if (head.length < 0x268 || head.readUInt16LE(0x1fe) !== 0xaa55 || head.toString('latin1', 0x202, 0x206) !== 'HdrS') {
    throw badKernel(path, 'is not a Linux kernel (neither an ELF vmlinux nor a bzImage)');
  }
  return parseBzImage(path, head, size);
}

function parseElf(path: string, head: Buffer, size: number): KernelFile {
  if (head.length < 64) throw badKernel(path, 'is a truncated ELF file');
  const machine = head.readUInt16LE(18);
  if (head[5] !== 1 || machine !== EM_X86_64) {
    const name = MACHINES[machine] ?? `ELF machine ${machine}`;
    throw badKernel(path, `is built for ${name}, this machine is x86_64`);
  }
  if (head[4] !== 2) throw badKernel(path, 'is a 32-bit ELF file, a 64-bit kernel is needed');
  const type = head.readUInt16LE(16);
  if (type !== 2 && type !== 3) throw badKernel(path, 'is an ELF file, but not an executable one');
  const headersEnd = Number(head.readBigUInt64LE(32)) + head.readUInt16LE(54) * head.readUInt16LE(56);
  if (headersEnd > size)
    throw badKernel(path, `is a truncated ELF file: ${size} bytes, its headers need ${headersEnd}`);
  return { format: 'elf' };
}

function parseBzImage(path: string, head: Buffer, size: number): BzImage {
  const version = head.readUInt16LE(0x206);
  const needs = 'a 64-bit kernel with boot protocol 2.12 or later (Linux 3.8) is needed';
  if (version < 0x20c) throw badKernel(path, `has boot protocol ${version >> 8}.${version & 0xff}: ${needs}`);
  if ((head.readUInt16LE(0x236) & 1) === 0) throw badKernel(path, `has no 64-bit entry point: ${needs}`);
  const setupSectors = head[0x1f1] || 4;
  const protectedMode = (setupSectors + 1) * 512;
  // syssize counts paragraphs of 16 bytes, without the setup code.
  const wanted = protectedMode + (head.readUInt32LE(0x1f4) - 1) * 16;
  if (size < wanted) throw badKernel(path, `is a truncated bzImage: ${size} bytes of about ${wanted}`);
  const image: BzImage = { format: 'bzimage' };
  const release = releaseOf(head);
  if (release !== undefined) image.release = release;
  const offset = protectedMode + head.readUInt32LE(0x248);
  const length = head.readUInt32LE(0x24c);
  if (length > 0 && offset + length <= size) image.payload = { offset, length };
  return image;
}

/** kernel_version at 0x20e: where the version string is, less 0x200. `6.1.0-9-amd64 (builder) #1 SMP ...` */
function releaseOf(head: Buffer): string | undefined {
  const pointer = head.readUInt16LE(0x20e);
  if (pointer === 0) return undefined;
  const text = head.toString('latin1', pointer + 0x200, pointer + 0x200 + 256);
  return /^(\d+\.\d+[\w.+~-]*)[ \0]/.exec(text)?.[1];
}
