/** What a kernel that firmware could start says of its file, as the PE program that it then is (PE/COFF, sections 3 and 4); pure. */

const PE_POINTER_AT = 0x3c;
const COFF_HEADER = 24; // with the signature before it
const SECTION_HEADER = 40;

/** Where the contents of its last section end in the file, bytes; undefined where the file is no PE program, or not in its first bytes. */
export function endOfSections(head: Buffer): number | undefined {
  if (head.length < PE_POINTER_AT + 4 || head.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const start = head.readUInt32LE(PE_POINTER_AT);
  if (start + COFF_HEADER > head.length || head.toString('latin1', start, start + 4) !== 'PE\0\0') return undefined;
  const count = head.readUInt16LE(start + 6);
  const table = start + COFF_HEADER + head.readUInt16LE(start + 20);
  if (table + count * SECTION_HEADER > head.length) return undefined;
  let end = 0;
  for (let at = table; at < table + count * SECTION_HEADER; at += SECTION_HEADER) {
    end = Math.max(end, head.readUInt32LE(at + 16) + head.readUInt32LE(at + 20));
  }
  return end;
}
