/** Nothing outlives the command that started it. */
import { readdir, writeFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { startVmtest } from './support/cli.js';
import { childrenOf, isRunning, vmmsOf } from './support/processes.js';

test('kill -9 of Node leaves no process of a guest and no temporary file', async () => {
  const info = test.info();
  const disk = info.outputPath('disk');
  await writeFile(disk, Buffer.alloc(2 ** 20));
  const flags = ['--disk', `${disk},overlay`];
  const run = await startVmtest(['run', ...flags, '--', 'sh', '-c', 'echo started; while :; do :; done']);
  await new Promise((resolve) => run.child.stdout?.once('data', resolve));
  const [vmm = 0, ...more] = await vmmsOf(run.child.pid);
  expect(vmm).toBeGreaterThan(0);
  expect(more).toEqual([]);
  const children = await childrenOf(run.child.pid);
  expect(await readdir(run.temporary)).toEqual([]);

  run.child.kill('SIGKILL');
  expect(await run.result).toMatchObject({ signal: 'SIGKILL', left: [] });
  for (const child of children) await expect.poll(() => isRunning(child)).toBe(false);
});

test('kill -9 while the guest boots leaves nothing either', async () => {
  const run = await startVmtest(['run', '--', 'true']);
  await expect.poll(async () => (await vmmsOf(run.child.pid)).length, { intervals: [10] }).toBeGreaterThan(0);
  const children = await childrenOf(run.child.pid);
  run.child.kill('SIGKILL');
  expect(await run.result).toMatchObject({ left: [] });
  for (const child of children) await expect.poll(() => isRunning(child)).toBe(false);
});
