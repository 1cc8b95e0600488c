/**
 * Kernels of a few bytes, which end a guest in one particular way: an ELF file with the PVH entry note
 * (Xen docs/misc/pvh.pandoc). It starts in 32-bit protected mode without paging or an interrupt table.
 */
const LOAD_ADDRESS = 0x100000;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** `code` is what the guest runs first. */
export function tinyKernel(code: readonly number[]): Buffer {
  const note = pvhNote(LOAD_ADDRESS);
  const noteOffset = ELF_HEADER + 2 * PROGRAM_HEADER;
  const codeOffset = 0x1000;
  const body = Buffer.from(code);
  const file = Buffer.alloc(codeOffset + body.length);
  elfHeader().copy(file, 0);
  programHeader({ type: 1, flags: 7, offset: codeOffset, address: LOAD_ADDRESS, size: body.length }).copy(
    file,
    ELF_HEADER,
  );
  const noteHeader = programHeader({ type: 4, flags: 4, offset: noteOffset, address: 0, size: note.length });
  noteHeader.copy(file, ELF_HEADER + PROGRAM_HEADER);
  note.copy(file, noteOffset);
  body.copy(file, codeOffset);
  return file;
}

function elfHeader(): Buffer {
  const header = Buffer.alloc(ELF_HEADER);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF64, little endian, version 1
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18); // EM_X86_64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 24); // e_entry
  header.writeBigUInt64LE(BigInt(ELF_HEADER), 32); // e_phoff
  header.writeUInt16LE(ELF_HEADER, 52);
  header.writeUInt16LE(PROGRAM_HEADER, 54);
  header.writeUInt16LE(2, 56); // e_phnum
  return header;
}

interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  size: number;
}

function programHeader({ type, flags, offset, address, size }: Segment): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(flags, 4);
  header.writeBigUInt64LE(BigInt(offset), 8);
  header.writeBigUInt64LE(BigInt(address), 16);
  header.writeBigUInt64LE(BigInt(address), 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  header.writeBigUInt64LE(BigInt(size), 40);
  header.writeBigUInt64LE(4n, 48);
  return header;
}

function pvhNote(entry: number): Buffer {
  const note = Buffer.alloc(12 + 4 + 4);
  note.writeUInt32LE(4, 0); // name: "Xen\0"
  note.writeUInt32LE(4, 4); // descriptor: 32 bits
  note.writeUInt32LE(XEN_ELFNOTE_PHYS32_ENTRY, 8);
  note.write('Xen\0', 12, 'latin1');
  note.writeUInt32LE(entry, 16);
  return note;
}

/** `mov dx, PORT; mov al, VALUE; out dx, al` and then nothing, for ever. */
export function outByte(port: number, value: number): number[] {
  return [0x66, 0xba, port & 0xff, port >> 8, 0xb0, value, 0xee, ...HALT];
}

/** `hlt; jmp` back to it. */
export const HALT: readonly number[] = [0xf4, 0xeb, 0xfd];
