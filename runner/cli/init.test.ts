import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../config/load-config.js';
import { STARTER_FORMATS } from './command.js';
import { init } from './init.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-init-'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('vmtest init', () => {
  it.each(STARTER_FORMATS)('writes a configuration that is valid: %s', async (format) => {
    const folder = join(directory, 'new/sub');
    expect(await init({ kind: 'init', format, directory: folder })).toBe(0);
    expect(await readdir(folder)).toEqual([`vmtest.config.${format}`]);
    const { cells, suites } = await loadConfig({ cwd: folder });
    expect(cells).toEqual([
      { name: 'cloud/512M', axes: { kernel: 'cloud', memory: '512M' }, guest: { kernel: 'cloud', memoryMib: 512 } },
    ]);
    expect(suites.map(({ name, parse }) => [name, parse])).toEqual([
      ['boots', 'exit-code'],
      ['tap', 'tap'],
    ]);
  });

  it.each(['ts', 'yaml'] as const)('has comments that are valid, too: %s', async (format) => {
    await init({ kind: 'init', format, directory });
    const path = join(directory, `vmtest.config.${format}`);
    const text = await readFile(path, 'utf8');
    // Sentences begin with a capital letter or a name without a colon; the rest is code.
    const all = text.replace(/^( *)(?:\/\/|#) ((?:[{}]|[a-z]\w*: |[a-z]\w*:$|- name| {2,}\S).*)$/gm, '$1$2');
    expect(all).not.toBe(text);
    await writeFile(path, all);
    const { cells, suites } = await loadConfig({ cwd: directory });
    expect(cells.map(({ name }) => name)).toEqual(['cloud/512M/full', 'cloud/512M/lazy']);
    expect(suites.map(({ name }) => name)).toEqual(['boots', 'tap', 'my tests']);
  });

  it('overwrites nothing, and adds no second configuration', async () => {
    await writeFile(join(directory, 'vmtest.config.yml'), 'mine');
    await expect(init({ kind: 'init', format: 'ts', directory })).rejects.toThrow(
      `${directory}/vmtest.config.yml is there already; nothing was written`,
    );
    expect(await readdir(directory)).toEqual(['vmtest.config.yml']);
  });

  it('says what cannot be written', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(init({ kind: 'init', format: 'ts', directory: file })).rejects.toThrow(
      `${file} cannot be read: ENOTDIR`,
    );
  });
});
