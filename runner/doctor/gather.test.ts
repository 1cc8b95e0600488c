/** Facts of a machine that is files in a directory. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VmtestError } from '../errors.js';
import { gather } from './gather.js';
import { judge } from './judge.js';

let root: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-doctor-'));
  env = { PATH: join(root, 'bin'), VMTEST_VMM: join(root, 'vmm'), VMTEST_CACHE: join(root, 'cache'), TMPDIR: root };
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function file(path: string, text: string | Buffer, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
  await chmod(join(root, path), mode);
}

const look = () => gather({ env, signal: new AbortController().signal, root });

const CLOCK = 'sys/devices/system/clocksource/clocksource0';

describe('gather', () => {
  it('reads a machine', async () => {
    await file('proc/cpuinfo', 'model name : A CPU\nflags : svm\n');
    await file('proc/meminfo', 'MemAvailable:    8388608 kB\n');
    await file('proc/self/status', 'Seccomp:\t2\n');
    await file('proc/self/cgroup', '0::/a\n');
    await file('sys/fs/cgroup/a/pids.max', '512\n');
    await file('sys/module/kvm_amd/parameters/nested', '1\n');
    await file(`${CLOCK}/current_clocksource`, 'tsc\n');
    await file(`${CLOCK}/available_clocksource`, 'tsc hpet acpi_pm \n');
    await file('etc/group', `mine:x:${process.getegid?.()}:\n`);
    await file('dev/kvm', '', 0o660);
    await file('.dockerenv', '');
    await file(
      'vmm',
      '#!/bin/sh\ncase $1 in --probe-memfd) echo works ;; *) echo \'{"status":"usable","message":"m"}\' ;; esac',
      0o755,
    );
    await file('bin/qemu-system-x86_64', '#!/bin/sh\necho QEMU emulator version 8.2.2', 0o755);
    await file('cache/blobs/a', Buffer.alloc(3 * 2 ** 20));
    expect(await look()).toMatchObject({
      cpu: { model: 'A CPU', flags: ['svm'] },
      kvm: { device: { mode: 0o660 }, group: 'mine', member: 'session', probe: { status: 'usable' }, nested: true },
      qemu: {
        x86_64: { path: join(root, 'bin/qemu-system-x86_64'), version: '8.2.2' },
        aarch64: { code: 'VMTEST_QEMU_MISSING' },
      },
      memory: { availableMib: 8192, groupsMib: null, forGuestsMib: 8192 - 256 },
      cache: { path: join(root, 'cache'), writable: true, images: 0, blobsMib: 3 },
      container: { kind: 'docker', pids: 512, seccomp: 2, memfd: true },
      clock: { source: 'tsc', available: ['tsc', 'hpet', 'acpi_pm'] },
    });
  });

  it('knows nothing of an empty one, and that is judged', async () => {
    const facts = await look();
    expect(facts).toMatchObject({
      cpu: { model: null, flags: [] },
      kvm: { device: null, group: null, member: 'no', probe: null, nested: null },
      memory: { availableMib: null, groupsMib: null, forGuestsMib: null },
      container: { kind: null, pids: null, seccomp: null, memfd: null },
      clock: { source: null, available: [] },
    });
    expect(judge(facts).runnable).toBe(false);
  });

  const FILES = [
    'proc/cpuinfo',
    'proc/meminfo',
    'proc/self/status',
    'proc/self/cgroup',
    'sys/module/kvm_intel/parameters/nested',
    `${CLOCK}/current_clocksource`,
    `${CLOCK}/available_clocksource`,
    'etc/group',
    'run/systemd/container',
    'cache/images',
    'cache/blobs',
  ];

  it.each<[string, (path: string) => Promise<void>]>([
    ['directories', async (path) => void (await mkdir(join(root, path), { recursive: true }))],
    ['bytes', (path) => file(path, Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 151) % 256)))],
    ['unreadable', (path) => file(path, 'x', 0)],
    [
      'links to themselves',
      async (path) => {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await symlink(join(root, path), join(root, path));
      },
    ],
    [
      'numbers beyond all bounds',
      (path) => file(path, `MemAvailable: ${'9'.repeat(400)} kB\n0::/${'../'.repeat(50)}\n`),
    ],
  ])('answers where files are %s', async (_, make) => {
    for (const path of FILES) await make(path);
    const report = judge(await look());
    expect(report.findings.every(({ message }) => message !== '' && !message.includes('\n'))).toBe(true);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('stops with its signal', async () => {
    await file('vmm', '#!/bin/sh\nexec /bin/sleep 1000', 0o755);
    const controller = new AbortController();
    const gathering = gather({ env, signal: controller.signal, root });
    controller.abort(new VmtestError('VMTEST_INTERRUPTED', 'interrupted'));
    await expect(gathering).rejects.toMatchObject({ code: 'VMTEST_INTERRUPTED' });
  });
});
