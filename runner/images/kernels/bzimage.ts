/** The header of a bzImage (Documentation/arch/x86/boot.rst); pure. */
import { badKernel } from './bad-kernel.js';

export interface BzImage {
  format: 'bzimage';
  arch: 'x86_64';
  /** `uname -r` of the kernel, where the header says it. */
  release?: string;
  /** The compressed vmlinux inside; absent before boot protocol 2.08. */
  payload?: { offset: number; length: number };
}

/** boot_flag at 0x1fe, header at 0x202. */
export const isBzImage = (head: Buffer): boolean =>
  head.length >= 0x268 && head.readUInt16LE(0x1fe) === 0xaa55 && head.toString('latin1', 0x202, 0x206) === 'HdrS';

export function parseBzImage(path: string, head: Buffer, size: number): BzImage {
  const version = head.readUInt16LE(0x206);
  const needs = 'a 64-bit kernel with boot protocol 2.12 or later (Linux 3.8) is needed';
  if (version < 0x20c) throw badKernel(path, `has boot protocol ${version >> 8}.${version & 0xff}: ${needs}`);
  if ((head.readUInt16LE(0x236) & 1) === 0) throw badKernel(path, `has no 64-bit entry point: ${needs}`);
  const setupSectors = head[0x1f1] || 4;
  const protectedMode = (setupSectors + 1) * 512;
  // syssize counts paragraphs of 16 bytes, without the setup code.
  const wanted = protectedMode + (head.readUInt32LE(0x1f4) - 1) * 16;
  if (size < wanted) throw badKernel(path, `is a truncated bzImage: ${size} bytes of about ${wanted}`);
  const image: BzImage = { format: 'bzimage', arch: 'x86_64' };
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
