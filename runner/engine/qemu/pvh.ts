/** Whether QEMU can enter an unpacked x86 kernel by itself: that takes an entry point for PVH (CONFIG_PVH). */
import { open } from 'node:fs/promises';

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_NOTE = 4;
/** XEN_ELFNOTE_PHYS32_ENTRY of include/xen/interface/elfnote.h in Linux. */
const PVH_NOTE = 18;
const PVH_NAME = 'Xen\0';
/** More program headers, or notes, than any kernel has. */
const MAX_HEADERS = 64;
const MAX_NOTE_BYTES = 64 * 1024;

/** False also for what is no 64-bit ELF. */
export async function hasPvhEntry(path: string): Promise<boolean> {
  await using file = await open(path);
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  const header = await read(0, ELF_HEADER_BYTES);
  if (header.length < ELF_HEADER_BYTES || header.toString('latin1', 0, 5) !== '\x7fELF\x02') return false;
  const at = Number(header.readBigUInt64LE(32));
  const count = Math.min(header.readUInt16LE(56), MAX_HEADERS);
  const headers = await read(at, count * PROGRAM_HEADER_BYTES);
  for (let i = 0; i + PROGRAM_HEADER_BYTES <= headers.length; i += PROGRAM_HEADER_BYTES) {
    if (headers.readUInt32LE(i) !== PT_NOTE) continue;
    const size = Math.min(Number(headers.readBigUInt64LE(i + 32)), MAX_NOTE_BYTES);
    if (findsNote(await read(Number(headers.readBigUInt64LE(i + 8)), size))) return true;
  }
  return false;
}

/** Notes are name size, value size, type, name, value; both padded to four bytes. */
function findsNote(notes: Buffer): boolean {
  const padded = (size: number): number => Math.ceil(size / 4) * 4;
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = notes.readUInt32LE(at);
    const valueSize = notes.readUInt32LE(at + 4);
    const name = notes.toString('latin1', at + 12, at + 12 + nameSize);
    if (notes.readUInt32LE(at + 8) === PVH_NOTE && name === PVH_NAME) return true;
    at += 12 + padded(nameSize) + padded(valueSize);
  }
  return false;
}
