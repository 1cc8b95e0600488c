/** Executables that answer as QEMU does, or do not. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import { identityOf } from '../../images/digest.js';
import { findQemu } from './binary.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-qemu-'));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true, force: true });
});

async function script(name: string, body: string, mode = 0o755): Promise<string> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, mode);
  return path;
}

const says = (version: string): string =>
  `[ "$*" = --version ] || exit 9; echo 'QEMU emulator version ${version} (Debian 1:1)'; echo Copyright`;

const V7 = { major: 7, minor: 2, micro: 19 };

describe('findQemu', () => {
  it('takes the first that can be executed on PATH', async () => {
    await script('a/qemu-system-x86_64', says('9.9.9'), 0o644);
    await mkdir(join(directory, 'b/qemu-system-x86_64'), { recursive: true });
    const path = await script('c/qemu-system-x86_64', says('7.2.19'));
    await script('d/qemu-system-x86_64', says('8.0.0'));
    const PATH = ['', 'relative', 'a', 'b', 'c', 'd'].map((name) => name && join(directory, name)).join(':');
    expect(await findQemu('x86_64', { env: { PATH } })).toEqual({ path, version: V7 });
  });

  it('has one for each architecture', async () => {
    const path = await script('qemu-system-aarch64', says('7.2.19'));
    const env = { PATH: directory };
    expect(await findQemu('aarch64', { env })).toEqual({ path, version: V7 });
    await expect(findQemu('x86_64', { env })).rejects.toMatchObject({ code: 'VMTEST_QEMU_MISSING' });
  });

  it('takes the one that a variable names before that on PATH; an empty one names none', async () => {
    const onPath = await script('qemu-system-x86_64', says('7.2.19'));
    const own = await script('mine', says('10.1.0'));
    const env = { PATH: directory, VMTEST_QEMU_X86_64: own, VMTEST_QEMU_AARCH64: '/nowhere' };
    expect(await findQemu('x86_64', { env })).toMatchObject({ path: own, version: { major: 10, minor: 1 } });
    expect(await findQemu('x86_64', { env: { PATH: directory, VMTEST_QEMU_X86_64: '' } })).toMatchObject({
      path: onPath,
    });
    await expect(findQemu('aarch64', { env })).rejects.toMatchObject({
      code: 'VMTEST_QEMU_MISSING',
      message: 'VMTEST_QEMU_AARCH64 names /nowhere, which is no executable file',
    });
  });

  it.each([
    ['x86_64', 'qemu-system-x86', 'VMTEST_QEMU_X86_64'],
    ['aarch64', 'qemu-system-arm', 'VMTEST_QEMU_AARCH64'],
  ] as const)('says which package of Debian has that of %s', async (arch, debian, variable) =>
    expect(findQemu(arch, { env: { PATH: directory } })).rejects.toMatchObject({
      code: 'VMTEST_QEMU_MISSING',
      message: `qemu-system-${arch} is not installed (Debian: ${debian}); install it, or name one with ${variable}`,
    }),
  );

  it('refuses one that is too old', async () => {
    const path = await script('qemu-system-x86_64', says('7.1.0'));
    await expect(findQemu('x86_64', { env: { PATH: directory } })).rejects.toMatchObject({
      code: 'VMTEST_QEMU_TOO_OLD',
      message:
        `${path} is QEMU 7.1.0, vmtest needs 7.2 or newer; ` +
        'upgrade it (Debian: qemu-system-x86), or name a newer one with VMTEST_QEMU_X86_64',
    });
  });

  it.each([
    ['echo one >&2; echo "no libfoo.so" >&2; exit 127', /: no libfoo\.so$/],
    ['echo hello', /: it printed "hello"$/],
    ['exit 3', /exit code 3/],
    ['kill -SEGV $$', /SIGSEGV/],
    ['while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done', /no version of QEMU: /],
  ])('says what is wrong with one that is broken: %s', async (body, why) => {
    const path = await script('qemu-system-x86_64', body);
    const failure = await findQemu('x86_64', { env: { PATH: directory } }).catch((error: VmtestError) => error);
    expect(failure).toMatchObject({ code: 'VMTEST_QEMU_BROKEN', context: { path } });
    expect((failure as VmtestError).message).toMatch(why);
    expect((failure as VmtestError).message).not.toContain('\n');
  });

  it('asks an executable once where it has a cache, and again when it was replaced', async () => {
    const count = join(directory, 'count');
    const body = `echo . >>${count}; ${says('7.2.19')}`;
    await script('qemu-system-x86_64', body);
    await using cleanup = createCleanup();
    const options = { env: { PATH: directory }, cache: { root: join(directory, 'cache'), cleanup } };
    // A file that changed just now may change again within one tick of its time stamp: that is not kept.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    await findQemu('x86_64', options);
    expect(await findQemu('x86_64', options)).toMatchObject({ version: V7 });
    expect(await readFile(count, 'utf8')).toBe('.\n');
    await script('qemu-system-x86_64', `${body} # another`);
    await findQemu('x86_64', options);
    expect(await readFile(count, 'utf8')).toBe('.\n.\n');
    await findQemu('x86_64', { env: { PATH: directory } });
    expect(await readFile(count, 'utf8')).toBe('.\n.\n.\n');
  });

  it('asks again where the cache is damaged', async () => {
    await script('qemu-system-x86_64', says('7.2.19'));
    await using cleanup = createCleanup();
    const cache = { root: join(directory, 'cache'), cleanup };
    const { key } = await identityOf(join(directory, 'qemu-system-x86_64'));
    await mkdir(join(cache.root, 'qemu-versions', key), { recursive: true });
    await writeFile(join(cache.root, 'qemu-versions', key, 'version'), 'junk');
    expect(await findQemu('x86_64', { env: { PATH: directory }, cache })).toMatchObject({ version: V7 });
  });

  it('stops with its signal', async () => {
    await script('qemu-system-x86_64', 'exec sleep 1000');
    const controller = new AbortController();
    const PATH = `${directory}:${process.env['PATH']}`;
    const finding = findQemu('x86_64', { env: { PATH }, signal: controller.signal });
    controller.abort(new VmtestError('VMTEST_INTERRUPTED', 'interrupted'));
    await expect(finding).rejects.toMatchObject({ code: 'VMTEST_INTERRUPTED' });
  });
});
