/**
 * Partition tables, numbered as Linux does: MBR (slots 1 to 4, logical ones from 5 on) and GPT (UEFI 2.10,
 * section 5). The bytes come from anywhere, so every number in them is checked before it is used.
 */
import { badRoot } from './bad-root.js';

export interface Partition {
  /** N of /dev/vdaN. */
  number: number;
  /** In bytes. */
  start: number;
  size: number;
  /** `root`: its type says that it is the root of this architecture. */
  purpose: 'root' | 'linux' | 'other';
}

/** Bytes at an offset; fewer where the file ends. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** virtio-blk and every image file count in these. */
const SECTOR = 512;
const MBR_LINUX = 0x83;
const MBR_EXTENDED = new Set([0x05, 0x0f, 0x85]);
const MBR_PROTECTIVE = 0xee;
/** The kernel's limit too (block/partitions/msdos.c): a chain may be a circle. */
const MAX_LOGICAL = 100;
const GPT_MAX_ENTRIES = 1024;

/** GUIDs as they lie on the disk: the first three fields are little endian. */
const GPT_LINUX = 'af3dc60f838472478e793d69d8477de4';
const GPT_ROOT_X86_64 = 'e3bc684fcde8b14d96e7fbcaf984b709';
const GPT_UNUSED = '0'.repeat(32);

interface MbrEntry {
  slot: number;
  type: number;
  /** In sectors. */
  start: number;
  count: number;
}

/** The used entries of a boot record; undefined when it is none. */
export function parseBootRecord(sector: Buffer): MbrEntry[] | undefined {
  if (sector.length < SECTOR || sector.readUInt16LE(510) !== 0xaa55) return undefined;
  const slots = [0, 1, 2, 3].map((slot) => {
    const at = 446 + 16 * slot;
    const [type, start, count] = [sector[at + 4] ?? 0, sector.readUInt32LE(at + 8), sector.readUInt32LE(at + 12)];
    return { flag: sector[at], slot, type, start, count };
  });
  // A boot sector of a file system ends with the same two bytes, but has code in the place of the table.
  if (slots.some(({ flag }) => flag !== 0 && flag !== 0x80)) return undefined;
  const used = slots.filter(({ type, start, count }) => type !== 0 && start > 0 && count > 0);
  return used.length === 0 ? undefined : used.map(({ slot, type, start, count }) => ({ slot, type, start, count }));
}

interface GptHeader {
  /** In bytes. */
  entriesAt: number;
  entrySize: number;
  count: number;
}

/** Undefined when there is none, or one that cannot be. */
export function parseGptHeader(sector: Buffer): GptHeader | undefined {
  if (sector.length < 92 || sector.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  const [lba, count, entrySize] = [sector.readBigUInt64LE(72), sector.readUInt32LE(80), sector.readUInt32LE(84)];
  if (lba < 2n || lba > 2n ** 40n || count > GPT_MAX_ENTRIES) return undefined;
  if (entrySize < 128 || entrySize > 4096 || entrySize % 8 !== 0) return undefined;
  return { entriesAt: Number(lba) * SECTOR, entrySize, count };
}

export function parseGptEntries(table: Buffer, { entrySize, count }: GptHeader): Partition[] {
  const found: Partition[] = [];
  for (let index = 0; index < count && (index + 1) * entrySize <= table.length; index += 1) {
    const entry = table.subarray(index * entrySize, (index + 1) * entrySize);
    const type = entry.toString('hex', 0, 16);
    const [first, last] = [entry.readBigUInt64LE(32), entry.readBigUInt64LE(40)];
    if (type === GPT_UNUSED || last < first || last > 2n ** 40n) continue;
    const purpose = type === GPT_ROOT_X86_64 ? 'root' : type === GPT_LINUX ? 'linux' : 'other';
    const size = Number(last - first + 1n) * SECTOR;
    found.push({ number: index + 1, start: Number(first) * SECTOR, size, purpose });
  }
  return found;
}

/** The partitions of a disk; undefined when it has no table. */
export async function readPartitions(read: ReadAt): Promise<Partition[] | undefined> {
  const record = parseBootRecord(await read(0, SECTOR));
  if (record === undefined) return undefined;
  if (record.some(({ type }) => type === MBR_PROTECTIVE)) {
    const header = parseGptHeader(await read(SECTOR, SECTOR));
    if (header === undefined) return undefined;
    return parseGptEntries(await read(header.entriesAt, header.entrySize * header.count), header);
  }
  const found = record.map((entry) => partition(entry.slot + 1, entry.type, entry.start, entry.count));
  const extended = record.find(({ type }) => MBR_EXTENDED.has(type));
  return extended === undefined ? found : [...found, ...(await readLogical(read, extended.start))];
}

const partition = (number: number, type: number, start: number, count: number): Partition => {
  return { number, start: start * SECTOR, size: count * SECTOR, purpose: type === MBR_LINUX ? 'linux' : 'other' };
};

/** Each logical partition has a boot record of its own, which also says where the next one is. */
async function readLogical(read: ReadAt, base: number): Promise<Partition[]> {
  const found: Partition[] = [];
  for (let at: number | undefined = base; at !== undefined && found.length < MAX_LOGICAL; ) {
    const record: MbrEntry[] = parseBootRecord(await read(at * SECTOR, SECTOR)) ?? [];
    const own = record.find(({ type }) => !MBR_EXTENDED.has(type));
    const next = record.find(({ type }) => MBR_EXTENDED.has(type));
    if (own !== undefined) found.push(partition(5 + found.length, own.type, at + own.start, own.count));
    at = own === undefined || next === undefined ? undefined : base + next.start;
  }
  return found;
}

/** The partition that was asked for, else the only one that can be meant. */
export function choosePartition(label: string, path: string, all: readonly Partition[], wanted?: number): Partition {
  const list = (some: readonly Partition[]): string =>
    some.map(({ number, size }) => `${number} (${Math.ceil(size / 2 ** 20)} MiB)`).join(', ');
  if (wanted !== undefined) {
    const found = all.find(({ number }) => number === wanted);
    if (found !== undefined) return found;
    throw badRoot(label, `has no partition ${wanted}; it has ${all.length === 0 ? 'none' : list(all)}`);
  }
  const roots = all.filter(({ purpose }) => purpose === 'root');
  const candidates = roots.length > 0 ? roots : all.filter(({ purpose }) => purpose === 'linux');
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return only;
  if (all.length === 0) throw badRoot(label, 'has a partition table without partitions');
  const what = only === undefined ? 'no partition of a Linux type' : 'several Linux partitions';
  const shown = list(only === undefined ? all : candidates);
  throw badRoot(label, `has ${what}; choose one with --root ${path}:NUMBER, of ${shown}`);
}
