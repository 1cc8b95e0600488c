import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cell, job, suite } from './testing/jobs.js';
import { waitForChange, watchedPaths } from './watch.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-watch-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('what the jobs are made of', () => {
  const mounts = [
    { host: '/src', guest: '/s', mode: 'ro' as const },
    { host: '/out', guest: '/o', mode: 'rw' as const },
  ];
  const guest = { kernel: '/linux', root: { path: '/root.img', writable: false }, mounts };
  const jobs = [
    job(suite('a', { copyIn: [{ source: '/tests/*.sh', destination: '/t' }] }), { ...cell(), guest }),
    job('b', { ...cell('x'), guest: { kernel: 'cloud' } }),
  ];
  expect(watchedPaths('/c.ts', jobs)).toEqual(['/c.ts', '/linux', '/root.img', '/src', '/tests']);
});

/** Changes it until it is noticed: a watch that is set up a moment later misses the first one. */
async function noticed(paths: string[], change: () => Promise<void>): Promise<string> {
  const waiting = waitForChange(paths, new AbortController().signal);
  const timer = setInterval(() => void change(), 400);
  return waiting.finally(() => clearInterval(timer));
}

test('a file that is replaced, a directory that gets a file', async () => {
  const file = join(root, 'config');
  const directory = join(root, 'dir');
  await writeFile(file, '');
  await mkdir(directory);
  const replace = async () => {
    await writeFile(join(root, 'new'), 'x');
    await rename(join(root, 'new'), file);
  };
  expect(await noticed([file, directory], replace)).toBe(file);
  let count = 0;
  expect(await noticed([file, directory], () => writeFile(join(directory, `${count++}`), ''))).toBe(directory);
});

test('ends when it is told to', async () => {
  const controller = new AbortController();
  const waiting = waitForChange([root], controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
