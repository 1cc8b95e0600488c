import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasPvhEntry } from './pvh.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-pvh-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function note(name: string, type: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(name.length, 0);
  head.writeUInt32LE(8, 4);
  head.writeUInt32LE(type, 8);
  return Buffer.concat([
    head,
    Buffer.from(name, 'latin1'),
    Buffer.alloc(Math.ceil(name.length / 4) * 4 - name.length),
    Buffer.alloc(8),
  ]);
}

function elf(notes: Buffer): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02', 'latin1');
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(2, 56);
  const headers = Buffer.alloc(112);
  headers.writeUInt32LE(1, 0);
  headers.writeUInt32LE(4, 56);
  headers.writeBigUInt64LE(176n, 56 + 8);
  headers.writeBigUInt64LE(BigInt(notes.length), 56 + 32);
  return Buffer.concat([header, headers, notes]);
}

async function has(bytes: Buffer): Promise<boolean> {
  const path = join(directory, 'kernel');
  await writeFile(path, bytes);
  return hasPvhEntry(path);
}

describe('hasPvhEntry', () => {
  it('finds the note among others', async () => {
    expect(await has(elf(Buffer.concat([note('GNU\0', 3), note('Linux\0', 257), note('Xen\0', 18)])))).toBe(true);
  });

  it('is not misled', async () => {
    expect(await has(elf(Buffer.concat([note('GNU\0', 18), note('Xen\0', 6)])))).toBe(false);
    expect(await has(elf(Buffer.alloc(0)))).toBe(false);
    expect(await has(Buffer.from('MZ'))).toBe(false);
    expect(await has(Buffer.alloc(0))).toBe(false);
    const huge = elf(note('Xen\0', 18));
    huge.writeUInt32LE(0xffff_fff0, 176);
    expect(await has(huge)).toBe(false);
  });
});
