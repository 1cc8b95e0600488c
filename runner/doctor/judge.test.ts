import { describe, expect, it } from 'vitest';
import { createStyle } from '../reporters/terminal/style.js';
import type { Facts } from './facts.js';
import { judge } from './judge.js';
import type { Finding } from './report.js';
import { goodFacts, missingQemu, oldQemu, withKvm } from './testing/facts.js';
import { doctorText } from './text.js';

const noQemu = { qemu: { x86_64: missingQemu, aarch64: missingQemu } };
const arm = { machine: 'aarch64', cpu: { model: null, count: 4, flags: [] } };

/** The pairs that run, `GUEST ENGINE`. */
const running = (facts: Facts): string[] =>
  judge(facts)
    .guests.filter(({ runs }) => runs)
    .map(({ guest, engine }) => `${guest} ${engine}`);

const found = (facts: Facts, id: string): Finding | undefined => judge(facts).findings.find((each) => each.id === id);

describe('which guests run', () => {
  const emulated = ['x86_64 qemu', 'aarch64 qemu'];
  it.each<[string, Partial<Facts>, string[], boolean]>([
    ['everything', {}, ['x86_64 native', ...emulated], true],
    ['KVM without QEMU', noQemu, ['x86_64 native'], true],
    ['no KVM, QEMU', withKvm('absent'), emulated, true],
    ['a KVM that interprets', withKvm('interpreted'), emulated, true],
    ['KVM denied, no QEMU', { ...withKvm('denied'), ...noQemu }, [], false],
    ['KVM absent, old QEMU', { ...withKvm('absent'), qemu: { x86_64: oldQemu, aarch64: oldQemu } }, [], false],
    [
      'only guests of the other architecture',
      { ...withKvm('absent'), qemu: { ...goodFacts().qemu, x86_64: missingQemu } },
      ['aarch64 qemu'],
      false,
    ],
    ['nothing built', withKvm('absent', { probe: null, probeProblem: 'no vmtest-vmm' }), emulated, true],
    ['arm64', { ...arm, ...withKvm('usable') }, emulated, true],
    ['arm64 without QEMU', { ...arm, ...withKvm('absent'), ...noQemu }, [], false],
    ['an unknown machine', { machine: 'riscv64', ...withKvm('absent') }, emulated, false],
  ])('%s', (_, changes, pairs, runnable) => {
    const facts = goodFacts(changes);
    expect(running(facts)).toEqual(pairs);
    expect(judge(facts).runnable).toBe(runnable);
  });

  it('says why of each', () => {
    const { guests } = judge(goodFacts({ ...withKvm('denied'), qemu: { x86_64: oldQemu, aarch64: missingQemu } }));
    expect(guests.map(({ reason }) => reason)).toEqual([
      'KVM is denied',
      'its QEMU is too old',
      'the native engine runs guests for x86_64 only',
      'its QEMU is not installed',
    ]);
  });
});

describe('KVM', () => {
  const docker = { container: { ...goodFacts().container, kind: 'docker' } };
  const cpu = (...flags: string[]) => ({ cpu: { ...goodFacts().cpu, flags } });

  it.each<[string, Partial<Facts>, string]>([
    ['intel', { ...withKvm('absent'), ...cpu('vmx') }, 'sudo modprobe kvm_intel'],
    ['amd', withKvm('absent'), 'sudo modprobe kvm_amd'],
    ['root', { ...withKvm('absent'), uid: 0 }, 'modprobe kvm_amd'],
    ['a container', { ...withKvm('absent'), ...docker }, 'give the container the device: docker run --device /dev/kvm'],
    [
      'a virtual machine',
      { ...withKvm('absent'), ...cpu('hypervisor') },
      'turn on nested virtualization for this virtual machine, on its host',
    ],
    [
      'firmware',
      { ...withKvm('absent'), ...cpu() },
      "turn on virtualization (VT-x, AMD-V, SVM) in the machine's firmware",
    ],
    ['not in the group', withKvm('denied', { member: 'no' }), 'sudo usermod -aG kvm "$USER", then log in again'],
    ['not yet in the group', withKvm('denied', { member: 'account' }), 'log in again, or newgrp kvm'],
    [
      'for root alone',
      withKvm('denied', { member: 'no', device: { uid: 0, gid: 0, mode: 0o600 } }),
      'sudo sh -c "chgrp kvm /dev/kvm && chmod 660 /dev/kvm"',
    ],
    [
      'denied in a container',
      { ...withKvm('denied', { member: 'no' }), ...docker },
      'docker run --device /dev/kvm --group-add 104',
    ],
    [
      'a hint of the probe',
      withKvm('broken', { probe: { status: 'broken', message: 'KVM_RUN: EIO', hint: 'update the kernel' } }),
      'update the kernel',
    ],
    ['nothing built', withKvm('usable', { probe: null, probeProblem: 'no vmtest-vmm' }), 'npm run build'],
  ])('is mended: %s', (_, changes, fix) => expect(found(goodFacts(changes), 'kvm')?.fix).toBe(fix));

  it.each(['absent', 'denied', 'interpreted', 'unsupported', 'broken'] as const)(
    'that is %s is a problem only where nothing emulates',
    (status) => {
      expect(found(goodFacts(withKvm(status)), 'kvm')?.status).toBe('warning');
      expect(found(goodFacts({ ...withKvm(status), ...noQemu }), 'kvm')?.status).toBe('problem');
      expect(found(goodFacts({ ...withKvm(status), ...noQemu }), 'kvm')?.fix).toBeTruthy();
    },
  );

  it('is no matter on arm64', () => expect(found(goodFacts(arm), 'kvm')).toMatchObject({ status: 'note' }));

  it('nested: told only where guests run under it', () => {
    expect(found(goodFacts(withKvm('usable', { nested: false })), 'nested')).toMatchObject({
      status: 'note',
      fix: 'sudo sh -c "modprobe -r kvm_amd && modprobe kvm_amd nested=1"',
    });
    expect(found(goodFacts(withKvm('absent', { nested: false })), 'nested')).toBeUndefined();
  });
});

describe('what else is wrong', () => {
  const good = goodFacts();
  it.each<[string, string, Partial<Facts>, Finding['status'], string | undefined]>([
    ['old Node', 'node', { node: '20.19.4' }, 'problem', 'install Node.js 20.20 or newer'],
    ['new Node', 'node', { node: '22.1.0' }, 'ok', undefined],
    ['odd Node', 'node', { node: '' }, 'problem', 'install Node.js 20.20 or newer'],
    [
      'a missing QEMU that nobody needs',
      'qemu-aarch64',
      { qemu: { ...good.qemu, aarch64: missingQemu } },
      'note',
      'sudo apt-get install qemu-system-arm',
    ],
    [
      'a missing QEMU that is needed',
      'qemu-x86_64',
      { ...withKvm('absent'), qemu: { ...good.qemu, x86_64: missingQemu }, uid: 0 },
      'problem',
      'apt-get install qemu-system-x86',
    ],
    [
      'little memory in a container',
      'memory',
      {
        memory: { ...good.memory, groupsMib: 300, forGuestsMib: 44 },
        container: { ...good.container, kind: 'docker' },
      },
      'problem',
      'docker run --memory 4g',
    ],
    [
      'memory for small guests',
      'memory',
      { memory: { ...good.memory, forGuestsMib: 400 } },
      'warning',
      'vmtest run --memory 128M',
    ],
    [
      'memory of which nothing is known',
      'memory',
      { memory: { availableMib: null, groupsMib: null, forGuestsMib: null, guestCpus: 1 } },
      'note',
      undefined,
    ],
    [
      'a full disk',
      'disk-temporary',
      { disks: [{ use: 'temporary', path: '/tmp', freeMib: 0 }] },
      'problem',
      'set TMPDIR to a directory with more room',
    ],
    ['an unknown disk', 'disk-cache', { disks: [{ use: 'cache', path: '/c', freeMib: null }] }, 'note', undefined],
    [
      'a cache that is read-only',
      'cache',
      { cache: { ...good.cache, writable: false } },
      'warning',
      'export VMTEST_CACHE=DIR, a directory that can be written',
    ],
    [
      'few processes',
      'container',
      { container: { ...good.container, pids: 100 } },
      'warning',
      'docker run --pids-limit 4096',
    ],
    [
      'no memfd',
      'memfd',
      { container: { ...good.container, memfd: false } },
      'problem',
      'docker run --security-opt seccomp=unconfined',
    ],
    [
      'an unstable TSC',
      'clock',
      { clock: { ...good.clock, source: 'hpet', available: ['hpet'] } },
      'warning',
      undefined,
    ],
    ['an unknown clock', 'clock', { clock: { ...good.clock, source: null, available: [] } }, 'note', undefined],
    ['1970', 'time', { clock: { ...good.clock, now: 0 } }, 'problem', 'sudo date --set=...'],
    ['no time at all', 'time', { clock: { ...good.clock, now: Number.NaN } }, 'problem', undefined],
    [
      'no agent for aarch64',
      'agents',
      { agents: { x86_64: true, aarch64: false } },
      'note',
      'npm run build:agent-aarch64',
    ],
    ['no agent at all', 'agents', { agents: { x86_64: false, aarch64: false } }, 'problem', 'npm run build'],
    ['tools', 'tools', { missingTools: ['depmod', 'xz'] }, 'warning', 'sudo apt-get install kmod xz-utils'],
    [
      'another distribution',
      'tools',
      { missingTools: ['apt-get', 'xz'] },
      'warning',
      'install what Debian has as apt xz-utils',
    ],
  ])('%s', (_, id, changes, status, fix) => {
    expect(found(goodFacts(changes), id)).toMatchObject({ status, ...(fix === undefined ? {} : { fix }) });
  });

  it('nothing, on a good machine: no fix is proposed', () => {
    const { findings } = judge(good);
    expect(findings.filter(({ status, fix }) => status !== 'ok' || fix !== undefined)).toEqual([]);
  });
});

describe('the screen', () => {
  it('has a line for each finding and each fix, and no control characters', () => {
    const facts = goodFacts({
      ...withKvm('denied', { member: 'no' }),
      cpu: { model: 'a\x1b[2Jb', count: 1, flags: [] },
    });
    const report = judge(facts);
    const text = doctorText(report, createStyle(false));
    const fixes = report.findings.filter(({ fix }) => fix !== undefined);
    expect(text.trimEnd().split('\n')).toHaveLength(5 + [...report.guests, ...report.findings, ...fixes].length);
    expect(text).toContain('a\\x1b[2Jb, 1 CPU,');
    expect(text).toMatch(/^vmtest 0\.1\.0 on Linux 6\.1\.0: guests for x86_64 run here: qemu\n/);
    expect(text).toMatch(/\n {2}warning {2}kvm +it is denied \(mode 660, group kvm, not yours\)\n +-> sudo usermod/);
  });

  it('has colours where they are wanted', () => {
    expect(doctorText(judge(goodFacts()), createStyle(true))).toContain('\x1b[32m');
  });

  it('says it when nothing runs', () => {
    const text = doctorText(judge(goodFacts({ machine: 'riscv64', ...noQemu })), createStyle(false));
    expect(text).toMatch(/no guest for riscv64, which vmtest does not know can run here\n/);
  });
});
