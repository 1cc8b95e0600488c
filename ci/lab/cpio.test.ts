import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packCpio } from './cpio.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmtest-cpio-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('writes what cpio reads', () => {
  const archive = packCpio([
    { path: 'bin' },
    { path: 'bin/tool', mode: 0o755, data: 'tool' },
    { path: 'bin/sh', link: 'tool' },
    { path: 'empty', data: '' },
    { path: 'odd', data: Buffer.from([1, 2, 3, 4, 5]) },
  ]);
  execFileSync('cpio', ['--extract', '--quiet'], { cwd: folder, input: archive });
  expect(readFileSync(join(folder, 'bin/tool'), 'utf8')).toBe('tool');
  expect(lstatSync(join(folder, 'bin/tool')).mode & 0o777).toBe(0o755);
  expect(readlinkSync(join(folder, 'bin/sh'))).toBe('tool');
  expect(lstatSync(join(folder, 'empty')).size).toBe(0);
  expect([...readFileSync(join(folder, 'odd'))]).toEqual([1, 2, 3, 4, 5]);
});
