/** Makes small files with the header of an arm64 Image (Documentation/arch/arm64/booting.rst), and of a zboot image. */

export interface Arm64ImageInput {
  textOffset?: bigint;
  imageSize?: bigint;
  flags?: bigint;
  /** It is a PE program too, with one section that fills it. */
  pe?: boolean;
}

export function makeArm64Image(text: string, input: Arm64ImageInput = {}): Buffer {
  const image = Buffer.alloc(4096 + text.length);
  image.writeBigUInt64LE(input.textOffset ?? 0n, 8);
  image.writeBigUInt64LE(input.imageSize ?? BigInt(image.length + 65536), 16);
  image.writeBigUInt64LE(input.flags ?? 0xan, 24);
  image.write('ARMd', 56, 'latin1');
  image.write(text, 4096, 'latin1');
  if (input.pe === true) writePeHeaders(image);
  return image;
}

function writePeHeaders(image: Buffer): void {
  image.write('MZ', 0, 'latin1');
  image.writeUInt32LE(64, 60);
  image.write('PE', 64, 'latin1');
  image.writeUInt16LE(1, 64 + 6); // sections
  image.writeUInt16LE(112, 64 + 20); // size of the optional header
  const section = 64 + 24 + 112;
  image.writeUInt32LE(image.length - 4096, section + 16);
  image.writeUInt32LE(4096, section + 20);
}

/** `compression`: the name in the header, which nobody reads: the data tells. */
export function makeZboot(payload: Uint8Array, compression = 'zstd22'): Buffer {
  const offset = 512;
  const image = Buffer.alloc(offset + payload.length + 256);
  image.write('MZ\0\0zimg', 0, 'latin1');
  image.writeUInt32LE(offset, 8);
  image.writeUInt32LE(payload.length, 12);
  image.write(`${compression}\0`, 24, 'latin1');
  image.set(payload, offset);
  return image;
}
