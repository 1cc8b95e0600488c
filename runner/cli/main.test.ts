/** The command as a process: exit codes and messages of everything that needs no guest. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeElf } from '../images/testing/bzimage.js';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-main-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function vmtest(args: string[], env: Record<string, string> = {}) {
  const options = { reject: false, stdin: 'ignore', env: { TMPDIR: directory, ...env } } as const;
  return execa(process.execPath, ['--import', 'tsx', main, ...args], options);
}

/** A `vmtest-vmm` that answers the probe. */
async function fakeProbe(line: string, code: number): Promise<string> {
  const path = join(directory, 'vmm');
  await writeFile(path, `#!/bin/sh\n[ "$1" = --probe-kvm ] || exit 99\necho '${line}'\nexit ${code}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('vmtest', () => {
  it('prints help and version to standard output', async () => {
    expect(await vmtest(['--version'])).toMatchObject({ exitCode: 0, stdout: '0.1.0', stderr: '' });
    const help = await vmtest(['run', '--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toMatch(/Usage: vmtest run \[options\] -- <command> \[args\.\.\.\]/);
  });

  it('refuses bad arguments with one line and exit code 2', async () => {
    expect(await vmtest(['run', '--cpus', '0', '--', 'true'])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: 'vmtest: --cpus: "0" is not a number from 1 to 32',
    });
  });

  it('prints what a kernel needs, and says what a kernel lacks with the lines to add', async () => {
    const needed = await vmtest(['kernel-config', '--arch', 'aarch64']);
    expect(needed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(needed.stdout).toMatch(/^# What vmtest needs of a kernel for aarch64.*^CONFIG_VIRTIO_VSOCKETS=y$/ms);

    const config = await vmtest(['kernel-config', '--arch', 'x86_64']);
    const lacking = config.stdout.replace('CONFIG_VIRTIO_VSOCKETS=y', '# CONFIG_VIRTIO_VSOCKETS is not set');
    await mkdir(join(directory, 'boot'));
    await writeFile(join(directory, 'boot/config-6.9.1'), lacking);
    const kernel = join(directory, 'boot/vmlinuz-6.9.1');
    await writeFile(kernel, makeElf('Linux version 6.9.1 (me@here)'));
    const env = { VMTEST_AGENT: '/bin/true', VMTEST_CACHE: join(directory, 'cache') };
    expect(await vmtest(['run', '--kernel', kernel, '--initrd', '/bin/true', '--', 'true'], env)).toMatchObject({
      exitCode: 2,
      stderr:
        `vmtest: kernel ${kernel}: this kernel has no CONFIG_VIRTIO_VSOCKETS: guests are reached through it; ` +
        'add these lines to its configuration:\nCONFIG_VIRTIO_VSOCKETS=y',
    });
  });

  it('says what runs here, and what would help', async () => {
    const env = { PATH: '/nowhere', VMTEST_CACHE: join(directory, 'cache') };
    const usable = await fakeProbe('{"status":"usable","message":"SVM, 2 CPUs"}', 0);
    const good = await vmtest(['doctor'], { ...env, VMTEST_VMM: usable });
    expect(good).toMatchObject({ exitCode: 0, stderr: '' });
    expect(good.stdout).toMatch(/^vmtest 0\.1\.0 on Linux \S+: guests for x86_64 run here: native\n/);
    expect(good.stdout).toMatch(/\n {2}yes {2}x86_64 {3}native {2}KVM is usable\n/);
    expect(good.stdout).not.toContain('\x1b');

    const denied = await fakeProbe('{"status":"denied","message":"no permission"}', 1);
    const bad = await vmtest(['probe', '--json'], { ...env, VMTEST_VMM: denied });
    expect(bad).toMatchObject({ exitCode: 125, stderr: '' });
    const report: unknown = JSON.parse(bad.stdout);
    expect(report).toMatchObject({ schema: 1, host: 'x86_64', runnable: false });
    expect(report).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ id: 'kvm', status: 'problem' })]),
    });

    const broken = await fakeProbe('{"status":"fine"}', 0);
    expect((await vmtest(['doctor'], { ...env, VMTEST_VMM: broken })).exitCode).toBe(125);
    const missing = await vmtest(['doctor'], { ...env, VMTEST_VMM: '/nowhere/vmtest-vmm' });
    expect(missing).toMatchObject({ exitCode: 125, stderr: '' });
    expect(missing.stdout).toMatch(/cannot probe KVM .* it does not exist; build it .*\n +-> npm run build\n/);
  });

  it('starts nothing when no engine can serve the guest, but bad input is told first', async () => {
    const VMTEST_VMM = await fakeProbe(
      '{"status":"interpreted","message":"every instruction is emulated","hint":"h"}',
      1,
    );
    const env = { VMTEST_VMM, VMTEST_AGENT: '/bin/true', VMTEST_CACHE: join(directory, 'cache'), PATH: '/nowhere' };
    const run = await vmtest(['run', '--', 'true'], env);
    expect(run).toMatchObject({
      exitCode: 125,
      stderr:
        'vmtest: no engine can run a guest for x86_64 here: KVM is not usable here (interpreted, see `vmtest doctor`) ' +
        '(h), and qemu-system-x86_64 is not installed (Debian: qemu-system-x86); install it, or name one with ' +
        'VMTEST_QEMU_X86_64',
    });
    expect(await vmtest(['run', '--engine', 'native', '--', 'true'], env)).toMatchObject({
      exitCode: 125,
      stderr:
        'vmtest: KVM is not usable here (interpreted, see `vmtest doctor`): every instruction is emulated; h; --engine qemu works without it, slower',
    });
    expect(await vmtest(['run', '--engine', 'native', '--arch', 'aarch64', '--', 'true'], env)).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining("the native engine runs guests of this machine's architecture, x86_64"),
    });
    const bad = await vmtest(['run', '--kernel', '/nowhere/kernel', '--', 'true'], env);
    expect(bad).toMatchObject({ exitCode: 2, stderr: 'vmtest: kernel /nowhere/kernel: does not exist' });
    // tsx, which runs this TypeScript, keeps a directory of its own.
    const known = /^(vmm|cache|tsx-\d+)$/;
    expect((await readdir(directory)).filter((name) => !known.test(name))).toEqual([]);
  });
});

describe('vmtest parse', () => {
  const TAP = 'TAP version 14\n# Subtest: a\n    ok 1 - x\n    not ok 2 - y\n    # why\n    1..2\nnot ok 1 - a\n1..1\n';

  it('prints a tree and counts, and exits with 1 when something failed', async () => {
    const file = join(directory, 'out.tap');
    await writeFile(file, TAP);
    expect(await vmtest(['parse', '--format', 'tap', file])).toMatchObject({
      exitCode: 1,
      stderr: '',
      stdout: [
        'a',
        '  passed  x',
        '  failed  y',
        '    | why',
        '',
        '1 passed, 1 failed',
        'failed (1 of 2 tests did not pass)',
      ].join('\n'),
    });
  });

  it('reads standard input, prints JSON, and exits with 0 when nothing failed', async () => {
    const args = ['--import', 'tsx', main, 'parse', '--format', 'tap', '--json', '-'];
    const { exitCode, stdout } = await execa(process.execPath, args, { input: '1..2\nok 1 - a\nok 2 - b # SKIP no\n' });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      cases: [
        { path: ['a'], verdict: 'passed' },
        { path: ['b'], verdict: 'skipped', message: 'no' },
      ],
      verdict: 'passed',
      problems: [],
    });
  });

  it.each([
    [['--format', 'tab', 'x'], 'vmtest: --format: "tab" is no format of test results; did you mean one of tap, '],
    [['--format', 'tap', '/nonexistent'], 'vmtest: /nonexistent cannot be read: ENOENT'],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { exitCode, stderr } = await vmtest(['parse', ...args]);
    expect([exitCode, stderr.slice(0, message.length)]).toEqual([2, message]);
  });
});
