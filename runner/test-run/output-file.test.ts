import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openOutputFile } from './output-file.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-output-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('is made when there is something to write, in order', async () => {
  const path = join(root, 'a/b/file');
  const file = openOutputFile(path, 1000);
  expect(file.exists).toBe(false);
  for (let i = 0; i < 100; i += 1) void file.write(Buffer.from(`${i},`));
  await file[Symbol.asyncDispose]();
  expect(file.exists).toBe(true);
  expect(await readFile(path, 'utf8')).toBe(Array.from({ length: 100 }, (_, i) => `${i},`).join(''));
  expect([file.truncated, file.error]).toEqual([false, undefined]);
});

test('keeps so much and no more, and says so', async () => {
  const file = openOutputFile(join(root, 'file'), 5);
  await file.write(Buffer.from('abc'));
  await file.write(Buffer.from('defg'));
  await file.write(Buffer.from('h'));
  await file[Symbol.asyncDispose]();
  expect(await readFile(join(root, 'file'), 'utf8')).toBe('abcde');
  expect(file.truncated).toBe(true);
});

test('a disk that is full is told, and rejects nothing', async () => {
  const file = openOutputFile('/dev/full', 1 << 30);
  for (let i = 0; i < 5; i += 1) await file.write(Buffer.alloc(1 << 20));
  await file[Symbol.asyncDispose]();
  expect(file.error?.message).toContain('ENOSPC');
  const nowhere = openOutputFile('/proc/nowhere/file', 10);
  await nowhere.write(Buffer.from('x'));
  await nowhere[Symbol.asyncDispose]();
  expect([nowhere.exists, nowhere.error === undefined]).toEqual([false, false]);
});
