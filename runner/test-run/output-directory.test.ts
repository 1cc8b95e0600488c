import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noCounts } from '../results/suite-result.js';
import { readLastFailed, takeOutputDirectory } from './output-directory.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-results-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const fill = async (files: Record<string, string>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
};

test('is made, and given free', async () => {
  const directory = join(root, 'a/b');
  const taken = await takeOutputDirectory(directory);
  await taken.begin();
  expect(await readdir(directory)).toEqual(['run.lock']);
  await taken[Symbol.asyncDispose]();
  expect(await readdir(directory)).toEqual([]);
});

test('an earlier run is removed, and nothing else ever', async () => {
  await fill({ 'events.jsonl': '', 'junit.xml': '' });
  await mkdir(join(root, 'cells'));
  const taken = await takeOutputDirectory(root);
  await taken.begin();
  expect(await readdir(root)).toEqual(['run.lock']);
  await taken[Symbol.asyncDispose]();
  for (const name of ['run.lock', 'events.jsonl', 'cells']) {
    await fill({ 'thesis.tex': 'x', [name]: 'mine' });
    await expect(takeOutputDirectory(root)).rejects.toThrow(/is not empty, and has no results of an earlier run/);
    await rm(join(root, name), { force: true });
  }
  expect(await readdir(root)).toEqual(['thesis.tex']);
  // Beside results it stays where it is.
  await fill({ 'events.jsonl': `${JSON.stringify(BEGIN)}\n` });
  const again = await takeOutputDirectory(root);
  await again.begin();
  await again[Symbol.asyncDispose]();
  expect(await readdir(root)).toEqual(['thesis.tex']);
});

test('the last results are back when no new ones have begun', async () => {
  await fill({ 'events.jsonl': 'old' });
  const taken = await takeOutputDirectory(root);
  await fill({ 'events.jsonl': 'new' });
  await taken[Symbol.asyncDispose]();
  expect(await readdir(root)).toEqual(['events.jsonl']);
  expect(await readFile(join(root, 'events.jsonl'), 'utf8')).toBe('old');
});

test('of many who find the lock of a dead run, one gets the directory', async () => {
  const { stdout: dead } = await execa('sh', ['-c', 'echo $$']);
  await fill({ 'run.lock': `${dead}\n` });
  // Within one process the pid is the same: whoever comes second finds a run that goes on.
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => takeOutputDirectory(root)));
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a run that goes on keeps it, one that was killed does not', async () => {
  await fill({ 'events.jsonl': '', 'run.lock': '1\n' });
  await expect(takeOutputDirectory(root)).rejects.toThrow(/process 1 is writing its own there/);
  const { stdout: dead } = await execa('sh', ['-c', 'echo $$']);
  for (const stale of [`${dead}\n`, 'nonsense']) {
    await fill({ 'run.lock': stale });
    const taken = await takeOutputDirectory(root);
    await taken[Symbol.asyncDispose]();
  }
});

test('a directory that cannot be written', async () => {
  await fill({ file: '' });
  await expect(takeOutputDirectory(join(root, 'file/x'))).rejects.toThrow(/cannot be written to .*ENOTDIR/);
  await expect(takeOutputDirectory('/proc/x/y')).rejects.toMatchObject({ code: 'VMTEST_RESULTS' });
});

const BEGIN = { type: 'run-begin', version: 1, time: 0, id: 'x', vmtest: '1', argv: [], jobs: [] };

test('the jobs that failed, or never ran', async () => {
  const end = { type: 'job-end', time: 1, attempt: 0, durationMs: 1, counts: {}, repeat: '', attachments: [] };
  const info = (id: string) => ({ id, cell: 'c', suite: id, axes: {} });
  const jobs = ['a', 'b', 'c'].map(info);
  const events = [
    { type: 'run-begin', version: 1, time: 0, id: 'x', vmtest: '1', argv: [], jobs },
    { ...end, job: 'a', verdict: 'passed', counts: noCounts() },
    { ...end, job: 'b', verdict: 'failed', counts: noCounts() },
  ];
  await fill({ 'events.jsonl': events.map((event) => `${JSON.stringify(event)}\n`).join('') });
  expect(await readLastFailed(root)).toEqual(new Set(['b', 'c']));
  await expect(readLastFailed(join(root, 'none'))).rejects.toThrow(/--last-failed: .* has no results/);
});
