/** Machines for tests. */
import type { KvmProbe } from '../../engine/probe.js';
import type { Facts } from '../facts.js';

export const missingQemu = { code: 'VMTEST_QEMU_MISSING', message: 'it is not installed' };
export const oldQemu = { code: 'VMTEST_QEMU_TOO_OLD', message: 'QEMU 6.2.0, vmtest needs 7.2 or newer' };

/** A machine where nothing is wrong. */
export function goodFacts(changes: Partial<Facts> = {}): Facts {
  return {
    vmtest: '0.1.0',
    node: '20.20.0',
    machine: 'x86_64',
    kernel: '6.1.0',
    uid: 1000,
    cpu: { model: 'Some CPU', count: 8, flags: ['svm', 'constant_tsc', 'nonstop_tsc'] },
    kvm: {
      device: { uid: 0, gid: 104, mode: 0o660 },
      group: 'kvm',
      member: 'session',
      probe: { status: 'usable', message: '/dev/kvm runs code', hint: '' },
      probeProblem: null,
      nested: true,
    },
    qemu: {
      x86_64: { path: '/usr/bin/qemu-system-x86_64', version: '7.2.19' },
      aarch64: { path: '/usr/bin/qemu-system-aarch64', version: '7.2.19' },
    },
    agents: { x86_64: true, aarch64: true },
    memory: { availableMib: 16_384, groupsMib: null, forGuestsMib: 16_128, guestCpus: 8 },
    disks: [
      { use: 'cache', path: '/cache', freeMib: 50_000 },
      { use: 'temporary', path: '/tmp', freeMib: 50_000 },
    ],
    cache: { path: '/cache', writable: true, images: 1, blobsMib: 40 },
    container: { kind: null, cpus: null, pids: null, seccomp: 0, shmMib: 64, memfd: true },
    clock: { source: 'tsc', available: ['tsc', 'hpet'], now: Date.UTC(2026, 5, 1) },
    missingTools: [],
    ...changes,
  };
}

/** The good machine, but for what its KVM says. */
export function withKvm(status: KvmProbe['status'], changes: Partial<Facts['kvm']> = {}): Pick<Facts, 'kvm'> {
  const { kvm } = goodFacts();
  return { kvm: { ...kvm, probe: { status, message: `it is ${status}`, hint: '' }, ...changes } };
}
