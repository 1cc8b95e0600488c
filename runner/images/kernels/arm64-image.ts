/** The header of an arm64 Image (Documentation/arch/arm64/booting.rst), and of an EFI zboot image around one; pure. */
import { badKernel } from './bad-kernel.js';
import { endOfSections } from './pe.js';

export interface Arm64Image {
  format: 'arm64-image';
  arch: 'aarch64';
  /** Where the image wants to be, from a base aligned to 2 MiB. Bytes. */
  textOffset: number;
  /** Memory that the kernel takes from there, its uninitialized data with it. Bytes. */
  imageSize: number;
}

export const ARM64_HEADER_BYTES = 64;
const MAGIC_AT = 56;

export const isArm64Image = (head: Buffer): boolean =>
  head.length >= MAGIC_AT + 4 && head.toString('latin1', MAGIC_AT, MAGIC_AT + 4) === 'ARMd';

/** `size` is that of the whole file. */
export function parseArm64Image(path: string, head: Buffer, size: number): Arm64Image {
  if (head.length < ARM64_HEADER_BYTES) throw badKernel(path, `is a truncated arm64 Image: ${size} bytes`);
  const textOffset = head.readBigUInt64LE(8);
  const imageSize = head.readBigUInt64LE(16);
  const bigEndian = (head.readBigUInt64LE(24) & 1n) === 1n;
  if (bigEndian) throw badKernel(path, 'is a big-endian arm64 Image, a little-endian one is needed');
  // Before Linux 3.17 the field was zero, and so was all that this release says of the memory it needs.
  if (imageSize === 0n) throw badKernel(path, 'is an arm64 Image without a size: Linux 3.17 or later is needed');
  if (imageSize < BigInt(size) || imageSize > 2n ** 32n || textOffset > 2n ** 32n) {
    const claim = `${imageSize} bytes at ${textOffset}`;
    throw badKernel(path, `is a damaged arm64 Image: its header says ${claim}, the file has ${size}`);
  }
  const wanted = endOfSections(head);
  if (wanted !== undefined && wanted > size) {
    throw badKernel(path, `is a truncated arm64 Image: ${size} bytes of ${wanted}`);
  }
  return { format: 'arm64-image', arch: 'aarch64', textOffset: Number(textOffset), imageSize: Number(imageSize) };
}

export interface Zboot {
  format: 'zboot';
  /** The compressed kernel inside. */
  payload: { offset: number; length: number };
}

/** An EFI program that unpacks the kernel it carries (drivers/firmware/efi/libstub/zboot-header.S). */
export const isZboot = (head: Buffer): boolean =>
  head.length >= 28 && head.toString('latin1', 0, 2) === 'MZ' && head.toString('latin1', 4, 8) === 'zimg';

export function parseZboot(path: string, head: Buffer, size: number): Zboot {
  const offset = head.readUInt32LE(8);
  const length = head.readUInt32LE(12);
  if (length === 0 || offset < 28 || offset + length > size) {
    const claim = `${length} bytes at ${offset}`;
    throw badKernel(path, `is a truncated EFI zboot image: its kernel is ${claim}, the file has ${size}`);
  }
  return { format: 'zboot', payload: { offset, length } };
}
