/** What a monitor itself takes of the host's memory. */
import { readFile } from 'node:fs/promises';

interface Mapping {
  sizeKib: number;
  rssKib: number;
}

/** Resident memory of a process in KiB, without the mapping that is the guest's RAM. */
export async function overheadKib(pid: number, guestMib: number): Promise<number> {
  const mappings = parseSmaps(await readFile(`/proc/${pid}/smaps`, 'utf8'));
  // The RAM is the one mapping of the guest's size; a monitor may round it up, but nothing else comes near.
  const ram = mappings.filter(({ sizeKib }) => sizeKib >= guestMib * 1024);
  if (ram.length !== 1) throw new Error(`process ${pid} has ${ram.length} mappings as large as the guest's memory`);
  return mappings.reduce((sum, { rssKib }) => sum + rssKib, 0) - (ram[0]?.rssKib ?? 0);
}

/** proc(5): each mapping begins with a line of addresses and has a line for each figure. */
function parseSmaps(smaps: string): Mapping[] {
  const sizes = [...smaps.matchAll(/^Size:\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  const residents = [...smaps.matchAll(/^Rss:\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  return sizes.map((sizeKib, index) => ({ sizeKib, rssKib: residents[index] ?? 0 }));
}
