import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { classify, identify } from './identify.js';
import { choosePartition, type Partition, readPartitions } from './partitions.js';

let directory: string;
let image: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-identify-'));
  image = join(directory, 'image');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const MIB = 2 ** 20;
const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
const look = (partition?: number) => identify(image, image, partition);

/** A disk with partitions; ext4 in those that are named. */
async function makeDisk(table: string, ext4: Record<number, number>): Promise<void> {
  await writeFile(image, '');
  await truncate(image, 64 * MIB);
  await execa('sfdisk', ['-q', image], { input: table, env });
  for (const start of Object.values(ext4)) {
    await execa('mkfs.ext4', ['-q', '-F', '-E', `offset=${start * MIB}`, image, '4M'], { env });
  }
}

describe('identify', () => {
  it.each(['ext2', 'ext3', 'ext4'])('knows %s', async (name) => {
    await writeFile(image, '');
    await truncate(image, 8 * MIB);
    await execa(`mkfs.${name}`, ['-q', '-F', image], { env });
    expect(await look()).toEqual({ kind: 'image', fstype: 'ext4' });
    await expect(look(1)).rejects.toThrow('is one ext4 file system, without partitions');
  });

  it('finds the only Linux partition of a GPT disk, or the one that is asked for', async () => {
    const table = ['label: gpt', 'start=2048, size=8192, type=uefi', 'start=16384, size=16384, type=linux', ''];
    await makeDisk(table.join('\n'), { 2: 8 });
    expect(await look()).toEqual({ kind: 'image', fstype: 'ext4', partition: 2 });
    expect(await look(2)).toEqual({ kind: 'image', fstype: 'ext4', partition: 2 });
    await expect(look(1)).rejects.toThrow('partition 1 holds no file system of ext4');
    await expect(look(7)).rejects.toThrow('has no partition 7; it has 1 (4 MiB), 2 (8 MiB)');
  });

  it('prefers the partition that says it is the root', async () => {
    const root = '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709';
    await makeDisk(`label: gpt\nstart=2048, size=8192\n5: start=16384, size=16384, type=${root}\n`, { 5: 8 });
    expect(await look()).toMatchObject({ partition: 5 });
  });

  it('asks where there are several', async () => {
    await makeDisk('label: dos\nstart=2048, size=8192, type=83\nstart=16384, size=16384, type=83\n', { 1: 1, 2: 8 });
    const choices = `choose one with --root ${image}:NUMBER, of 1 (4 MiB), 2 (8 MiB)`;
    await expect(look()).rejects.toThrow(`root ${image}: has several Linux partitions; ${choices}`);
    expect(await look(1)).toMatchObject({ partition: 1 });
  });

  it('numbers logical partitions as Linux does', async () => {
    const table = 'start=2048, size=8192, type=c\nstart=16384, type=5\nstart=18432, size=8192, type=82\n';
    await makeDisk(`label: dos\n${table}start=32768, size=16384, type=83\n`, { 6: 16 });
    expect(await look()).toEqual({ kind: 'image', fstype: 'ext4', partition: 6 });
  });

  it('refuses a disk without a Linux partition', async () => {
    await makeDisk('label: dos\nstart=2048, size=8192, type=c\n', {});
    await expect(look()).rejects.toThrow('has no partition of a Linux type; choose one');
  });

  const at = (offset: number, text: string): Buffer => {
    const data = Buffer.alloc(70_000);
    data.write(text, offset, 'latin1');
    return data;
  };
  it.each<[string, Buffer | string, string]>([
    ['qcow2', at(0, 'QFI\xfb'), 'is a qcow2 image, and only raw ones can be used; convert it: qemu-img convert -O raw'],
    ['VMDK', at(0, 'KDMV'), 'is a VMDK image'],
    ['VDI', at(0x40, '\x7f\x10\xda\xbe'), 'is a VDI image'],
    ['ISO', at(32769, 'CD001'), 'is an ISO image'],
    ['zip', at(0, 'PK\x03\x04'), 'is a zip archive'],
    ['cpio', at(0, '070701'), 'give it with --initrd'],
    ['LUKS', at(0, 'LUKS\xba\xbe'), 'is encrypted with LUKS'],
    ['4096-byte sectors', at(4096, 'EFI PART'), 'has a partition table for sectors of 4096 bytes'],
    ['zeros', at(0, ''), 'is no directory, tarball, container image, or raw image'],
    ['text', 'hello', 'is no directory, tarball, container image, or raw image'],
    ['nothing', '', 'is empty'],
  ])('refuses %s with advice', async (_, data, message) => {
    await writeFile(image, data);
    const error = await look().catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'VMTEST_BAD_INPUT', message: expect.stringContaining(`root ${image}: `) });
    expect((error as Error).message).toContain(message);
  });

  it('knows the others by their magic numbers', () => {
    expect(classify('x', at(0, 'XFSB'))).toEqual({ kind: 'file-system', fstype: 'xfs' });
    expect(classify('x', at(65600, '_BHRfS_M'))).toEqual({ kind: 'file-system', fstype: 'btrfs' });
    expect(classify('x', at(0, 'hsqs'))).toEqual({ kind: 'file-system', fstype: 'squashfs' });
    expect(classify('x', at(1024, '\xe2\xe1\xf5\xe0'))).toEqual({ kind: 'file-system', fstype: 'erofs' });
  });
});

describe('readPartitions', () => {
  it('reads any bytes to partitions that can be, or to none', async () => {
    const sector = (type: number, start: number, count: number): Buffer => {
      const data = Buffer.alloc(512);
      data[446 + 4] = type;
      data.writeUInt32LE(start, 446 + 8);
      data.writeUInt32LE(count, 446 + 12);
      data.writeUInt16LE(0xaa55, 510);
      return data;
    };
    const u32 = fc.nat(2 ** 32 - 1);
    const start = fc.oneof(fc.tuple(fc.constantFrom(0xee, 5, 0x83, 0), u32, u32), fc.tuple(fc.nat(255), u32, u32));
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ minLength: 0, maxLength: 8192 }), async ([type, first, count], rest) => {
        const gpt = Buffer.from(rest);
        if (gpt.length > 8) gpt.write('EFI PART', 0, 'latin1');
        const disk = Buffer.concat([sector(type, first, count), gpt]);
        // A chain that points anywhere finds the same record again: a circle.
        const read = async (offset: number, length: number) =>
          offset < disk.length ? disk.subarray(offset, offset + length) : disk.subarray(0, 512);
        const found = (await readPartitions(read)) ?? [];
        expect(found.length).toBeLessThanOrEqual(1024);
        for (const { number, start: at, size } of found) {
          expect(Number.isSafeInteger(number) && number > 0).toBe(true);
          expect(Number.isSafeInteger(at) && at >= 0).toBe(true);
          expect(Number.isSafeInteger(size) && size > 0).toBe(true);
        }
      }),
    );
  });

  it('chooses only what is there', () => {
    const one: Partition = { number: 3, start: 512, size: 512, purpose: 'linux' };
    expect(choosePartition('x', 'x', [one])).toBe(one);
    expect(() => choosePartition('x', 'x', [])).toThrow('has a partition table without partitions');
  });

  it('survives a disk that ends too early', async () => {
    await writeFile(image, Buffer.alloc(600));
    const handle = await open(image, 'r+');
    await handle.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
    await handle.write(Buffer.from([0x80, 0, 0, 0, 0xee, 0, 0, 0, 1, 0, 0, 0, 255, 0, 0, 0]), 0, 16, 446);
    await handle.close();
    await expect(look()).rejects.toThrow('has a damaged partition table');
  });
});
