/** Makes small files with the header of a bzImage (Documentation/arch/x86/boot.rst). */

const SETUP_SECTORS = 4;
const PROTECTED_MODE = (SETUP_SECTORS + 1) * 512;

export interface BzImageInput {
  payload: Uint8Array;
  release?: string;
  version?: number;
  loadFlags64?: number;
}

export function makeBzImage(input: BzImageInput): Buffer {
  const stub = 64;
  const length = Math.ceil((stub + input.payload.length) / 16) * 16;
  const image = Buffer.alloc(PROTECTED_MODE + length);
  image[0x1f1] = SETUP_SECTORS;
  image.writeUInt32LE(length / 16, 0x1f4);
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(input.version ?? 0x20f, 0x206);
  image.writeUInt16LE(input.loadFlags64 ?? 1, 0x236);
  image.writeUInt32LE(stub, 0x248);
  image.writeUInt32LE(input.payload.length, 0x24c);
  if (input.release !== undefined) {
    const at = 0x300;
    image.writeUInt16LE(at - 0x200, 0x20e);
    image.write(`${input.release} (me@here) #1 SMP\0`, at, 'latin1');
  }
  image.set(input.payload, PROTECTED_MODE + stub);
  return image;
}

/** The first bytes of a 64-bit ELF executable for x86_64, then `text`. */
export function makeElf(text: string): Buffer {
  const elf = Buffer.alloc(64 + text.length);
  elf.write('\x7fELF', 0, 'latin1');
  elf[4] = 2;
  elf[5] = 1;
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(62, 18);
  elf.write(text, 64, 'latin1');
  return elf;
}
