import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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
  expect(await readdir(directory)).toEqual(['run.lock']);
  await taken[Symbol.asyncDispose]();
  expect(await readdir(directory)).toEqual([]);
});

test('an earlier run is removed, and nothing else ever', async () => {
  await fill({ 'events.jsonl': '', 'junit.xml': '' });
  await mkdir(join(root, 'cells'));
  await takeOutputDirectory(root);
  expect(await readdir(root)).toEqual(['run.lock']);
  await rm(join(root, 'run.lock'));
  await fill({ 'thesis.tex': 'x' });
  await expect(takeOutputDirectory(root)).rejects.toThrow(/is not empty, and has no results of an earlier run/);
  expect(await readdir(root)).toEqual(['thesis.tex']);
});

test('a run that goes on keeps it, one that was killed does not', async () => {
  await fill({ 'events.jsonl': '', 'run.lock': '1\n' });
  await expect(takeOutputDirectory(root)).rejects.toThrow(/process 1 is writing its own there/);
  const { stdout: dead } = await execa('sh', ['-c', 'echo $$']);
  await fill({ 'run.lock': `${dead}\n` });
  await takeOutputDirectory(root);
  await fill({ 'run.lock': 'nonsense' });
  await takeOutputDirectory(root);
});

test('a directory that cannot be written', async () => {
  await fill({ file: '' });
  await expect(takeOutputDirectory(join(root, 'file/x'))).rejects.toThrow(/cannot be written to .*ENOTDIR/);
  await expect(takeOutputDirectory('/proc/x/y')).rejects.toMatchObject({ code: 'VMTEST_RESULTS' });
});

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
