/** virtio-blk with real files: what is written is there, and an overlay leaves its base alone. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { expect, test } from '../fixtures/index.js';
import { boot } from '../runner/index.js';
import { sh } from './support/exec.js';

const SIZE = 64 * 2 ** 20;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('64 MiB written by the guest are in the file, and read back equal after dropping the caches', async () => {
  const info = test.info();
  const path = info.outputPath('disk');
  await writeFile(path, Buffer.alloc(SIZE));
  let expected = '';
  {
    await using machine = await boot({ disks: [{ path, mode: 'rw', serial: 'vmtest-rw' }] });
    const { stdout, stderr } = await sh(
      machine,
      `set -e; cat /sys/block/vda/serial; echo; blockdev --getsize64 /dev/vda
       head -c 64m /dev/urandom > /tmp/noise; sha256sum < /tmp/noise
       dd if=/tmp/noise of=/dev/vda bs=1M conv=fsync 2>/dev/null
       echo 3 > /proc/sys/vm/drop_caches; sha256sum < /dev/vda`,
    );
    const [serial, size, written = '', read = ''] = stdout.split('\n');
    expect(serial, stderr).toBe('vmtest-rw');
    expect(size).toBe(`${SIZE}`);
    expect(read).toBe(written);
    expected = written.slice(0, 64);
    await machine.powerOff();
  }
  expect(sha256(await readFile(path))).toBe(expected);
});

test('an overlay takes the writes and leaves its base untouched', async ({ bootVm }) => {
  const info = test.info();
  const path = info.outputPath('disk');
  const base = randomBytes(SIZE);
  await writeFile(path, base);
  const before = await stat(path);
  const machine = await bootVm({ disks: [{ path, mode: 'overlay' }] });
  const { stdout } = await sh(
    machine,
    `sha256sum < /dev/vda; dd if=/dev/zero of=/dev/vda bs=1M count=32 conv=fsync,notrunc 2>/dev/null
     echo 3 > /proc/sys/vm/drop_caches; sha256sum < /dev/vda`,
  );
  const changed = Buffer.concat([Buffer.alloc(SIZE / 2), base.subarray(SIZE / 2)]);
  expect(stdout).toBe(`${sha256(base)}  -\n${sha256(changed)}  -\n`);
  expect(sha256(await readFile(path))).toBe(sha256(base));
  expect((await stat(path)).mtimeMs).toBe(before.mtimeMs);
});

test('a read-only disk refuses writes, and its file is not changed', async ({ bootVm }) => {
  const info = test.info();
  const path = info.outputPath('disk');
  const base = randomBytes(2 ** 20);
  await writeFile(path, base);
  const machine = await bootVm({ disks: [{ path, mode: 'ro' }] });
  const { stdout, exitCode } = await sh(machine, 'blockdev --getro /dev/vda; sha256sum < /dev/vda; echo x > /dev/vda');
  expect(stdout).toBe(`1\n${sha256(base)}  -\n`);
  expect(exitCode).not.toBe(0);
  expect(sha256(await readFile(path))).toBe(sha256(base));
});

test('sixteen disks keep their order', async ({ bootVm }) => {
  const info = test.info();
  const disks = [];
  for (let index = 0; index < 16; index++) {
    const path = info.outputPath(`disk-${index}`);
    await writeFile(path, Buffer.alloc(512 * (index + 1)));
    disks.push({ path, mode: 'ro' as const });
  }
  const machine = await bootVm({ disks });
  const { stdout } = await sh(machine, 'for d in /sys/block/vd*; do cat $d/size; done');
  expect(stdout.trim().split('\n').map(Number)).toEqual(disks.map((_, index) => index + 1));
});
