import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { withNamedMutex } from './named-mutex.js';

test('one at a time, and all in the end', async () => {
  const name = `vmtest-test-${randomUUID()}`;
  let inside = 0;
  let most = 0;
  const one = (): Promise<void> =>
    withNamedMutex(name, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(2);
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 10 }, one));
  expect(most).toBe(1);
});

test('is given back by what throws', async () => {
  const name = `vmtest-test-${randomUUID()}`;
  await expect(withNamedMutex(name, () => Promise.reject(new Error('thrown')))).rejects.toThrow('thrown');
  expect(await withNamedMutex(name, () => Promise.resolve(7))).toBe(7);
});

test('is given back by a process that was killed', async () => {
  const name = `vmtest-test-${randomUUID()}`;
  const script = `require('net').createServer().listen('\\0${name}', () => console.log('has it'))`;
  const holder = execa('node', ['-e', script], { reject: false });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const waits = withNamedMutex(name, () => Promise.resolve('mine'));
  holder.kill('SIGKILL');
  expect(await waits).toBe('mine');
});
