/** Real processes in QEMU's place. */
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FIRST_FD, startQemu } from './process.js';

const shell = (script: string, fds: readonly number[] = []) => startQemu('/bin/sh', ['-c', script], { fds, env: {} });

it('tells how it ended, and what it said', async () => {
  const { exited } = await shell('echo oops >&2; exit 3');
  expect(await exited).toEqual({ code: 3, signal: undefined, stderr: 'oops\n' });
});

it('kills it', async () => {
  const { exited, kill } = await shell('exec sleep 1000');
  kill();
  expect(await exited).toEqual({ code: undefined, signal: 'SIGKILL', stderr: '' });
});

it('gives it the descriptors in their order, and no environment of ours', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'vmtest-process-'));
  try {
    const files = await Promise.all(['a', 'b'].map((name) => open(join(directory, name), 'w+')));
    const { exited } = await shell(
      `echo one >&${FIRST_FD}; echo two"$HOME" >&${FIRST_FD + 1}`,
      files.map(({ fd }) => fd),
    );
    expect(await exited).toMatchObject({ code: 0 });
    await Promise.all(files.map((file) => file.close()));
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('one\n');
    expect(await readFile(join(directory, 'b'), 'utf8')).toBe('two\n');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

it('says which package is missing', async () => {
  const starting = startQemu('/bin/true', [], { fds: [], env: { PATH: '/nowhere' } });
  await expect(starting).rejects.toMatchObject({
    code: 'QEMU_NOT_STARTED',
    message: expect.stringMatching(/^cannot start setpriv: .*ENOENT.*util-linux$/),
  });
});
