import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findPackageRoot } from '../installation.js';
import { missingTools, TOOLS } from './tools.js';

it('names packages that ci/packages.txt has for running vmtest', async () => {
  const text = await readFile(join(findPackageRoot(), 'ci/packages.txt'), 'utf8');
  const run = [...text.matchAll(/^(\S+)\s+run: /gm)].map((match) => match[1]);
  const named = TOOLS.map(({ debian }) => debian).filter((name) => !['apt', 'dpkg'].includes(name));
  expect(named.filter((name) => !run.includes(name))).toEqual([]);
});

it('finds tools on PATH', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-tools-'));
  try {
    const before = await missingTools({ PATH: directory });
    expect(before).toContain('lzop');
    await symlink('/bin/true', join(directory, 'lzop'));
    expect(await missingTools({ PATH: directory })).toEqual(before.filter((name) => name !== 'lzop'));
    expect(await missingTools({ PATH: '::relative:' })).toContain('lzop');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
