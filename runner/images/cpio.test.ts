import { mkdtemp, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CpioEntry, encodeCpio } from './cpio.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-cpio-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('encodeCpio', () => {
  it('is read by cpio, with data of every length around the padding', async () => {
    const tree = new Map<string, CpioEntry>([
      ['init', { type: 'symlink', target: '/vmtest/agent' }],
      ['tmp', { type: 'directory', mode: 0o1777 }],
    ]);
    for (let n = 0; n < 9; n += 1)
      tree.set(`deep/er/${'n'.repeat(n + 1)}`, { type: 'file', data: Buffer.alloc(n, 0x61) });
    tree.set('bin/tool', { type: 'file', data: Buffer.from('x'), mode: 0o755 });
    await execa('cpio', ['-idm', '--quiet'], { cwd: directory, input: Buffer.concat(encodeCpio(tree)) });
    expect(await readlink(join(directory, 'init'))).toBe('/vmtest/agent');
    for (let n = 0; n < 9; n += 1) {
      expect(await readFile(join(directory, 'deep/er', 'n'.repeat(n + 1)), 'latin1')).toBe('a'.repeat(n));
    }
    expect((await stat(join(directory, 'bin/tool'))).mode & 0o7777).toBe(0o755);
    expect((await stat(join(directory, 'tmp'))).mode & 0o7777).toBe(0o1777);
    expect((await stat(join(directory, 'bin/tool'))).mtimeMs).toBe(0);
  });

  it('lists devices as cpio does', async () => {
    const tree = new Map<string, CpioEntry>([['dev/console', { type: 'character-device', major: 5, minor: 1 }]]);
    const { stdout } = await execa('cpio', ['-tv', '--quiet'], { input: Buffer.concat(encodeCpio(tree)) });
    expect(stdout).toMatch(/^crw------- .* 5, +1 .* dev\/console$/m);
  });

  it('does not depend on the order of the entries, and is aligned', () => {
    const a: [string, CpioEntry] = ['a', { type: 'file', data: Buffer.from('abc') }];
    const b: [string, CpioEntry] = ['b/c', { type: 'file', data: Buffer.from('de') }];
    const one = Buffer.concat(encodeCpio(new Map([a, b])));
    expect(Buffer.concat(encodeCpio(new Map([b, a])))).toEqual(one);
    expect(one.length % 4).toBe(0);
  });

  it.each(['', '/abs', 'nul\0'])('refuses the path %j', (path) => {
    expect(() => encodeCpio(new Map([[path, { type: 'directory' }]]))).toThrow('bad path');
  });
});
