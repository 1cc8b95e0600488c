/** Pause and resume while every part of the machine is busy. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { expect, test } from '../fixtures/index.js';
import { sh } from './support/exec.js';

test('a paused guest stands still, and goes on without losing anything', { tag: '@smp' }, async ({ bootVm }) => {
  const info = test.info();
  const path = info.outputPath('disk');
  await writeFile(path, randomBytes(16 * 2 ** 20));
  const machine = await bootVm({ cpus: 2, disks: [{ path, mode: 'ro' }] });

  const counter = sh(machine, 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); echo $i; done');
  const reader = sh(
    machine,
    'for i in 1 2 3 4 5 6 7 8; do echo 3 > /proc/sys/vm/drop_caches; sha256sum < /dev/vda; done | sort -u | wc -l',
  );

  for (let round = 0; round < 10; round++) {
    await machine.pause();
    const before = await machine.stats();
    const after = await machine.stats();
    expect(after).toEqual(before);
    await machine.resume();
    // Something runs in between.
    expect((await sh(machine, `echo ${round}`)).stdout).toBe(`${round}\n`);
  }

  const lines = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join('');
  expect(await counter).toEqual({ exitCode: 0, stdout: lines, stderr: '' });
  expect((await reader).stdout).toBe('1\n');
});

test('a paused guest cannot be powered off, and says so', async ({ bootVm }) => {
  const machine = await bootVm();
  await machine.pause();
  await expect(machine.powerOff()).rejects.toMatchObject({ code: 'VMTEST_PAUSED' });
  expect(() => machine.exec(['true'])).toThrow(/paused; resume it first/);
  await machine.resume();
  expect((await machine.powerOff()).end).toMatchObject({ kind: 'poweroff' });
});

test('a paused guest can be stopped', async ({ bootVm }) => {
  const machine = await bootVm();
  await machine.pause();
  expect(await machine.stop()).toMatchObject({ end: { kind: 'killed' } });
});
