import { describe, expect, it } from 'vitest';
import { type ChoiceInput, chooseEngine, defaultEngine, needsProbe } from './choice.js';
import type { KvmProbe } from './probe.js';

const usable: KvmProbe = { status: 'usable', message: 'SVM, 2 CPUs', hint: '' };
const denied: KvmProbe = { status: 'denied', message: 'no permission on /dev/kvm', hint: 'join the group kvm' };
const ask = (input: Partial<ChoiceInput>) =>
  chooseEngine({ wanted: 'auto', guest: 'x86_64', host: 'x86_64', kvm: undefined, ...input });

describe('chooseEngine', () => {
  it('takes KVM where it works, and says so', () => {
    expect(ask({ kvm: usable })).toEqual({ engine: 'native', reason: 'SVM, 2 CPUs' });
    expect(ask({ wanted: 'native', kvm: usable })).toEqual({ engine: 'native', reason: 'it was asked for' });
  });

  it('takes QEMU where KVM does not work, or cannot', () => {
    const reason = 'KVM is not usable here (denied, see `vmtest doctor`)';
    expect(ask({ kvm: denied })).toEqual({ engine: 'qemu', reason });
    expect(ask({ guest: 'aarch64' })).toEqual({ engine: 'qemu', reason: 'the guest is aarch64, this machine x86_64' });
    expect(ask({ wanted: 'qemu', kvm: usable })).toEqual({ engine: 'qemu', reason: 'it was asked for' });
  });

  it('takes QEMU for directories of the host, which is all that serves them', () => {
    expect(ask({ kvm: usable, mounts: true })).toEqual({
      engine: 'qemu',
      reason: 'the guest has mounts, which the native engine has not',
    });
    expect(ask({ wanted: 'qemu', mounts: true }).engine).toBe('qemu');
    expect(() => ask({ wanted: 'native', kvm: usable, mounts: true })).toThrow(
      expect.objectContaining({ code: 'VMTEST_ENGINE', message: expect.stringContaining('ask for --engine qemu') }),
    );
    expect(needsProbe({ wanted: 'auto', guest: 'x86_64', host: 'x86_64', mounts: true })).toBe(false);
  });

  it('never takes another one than was asked for', () => {
    expect(() => ask({ wanted: 'native', kvm: denied })).toThrow(
      expect.objectContaining({ code: 'VMTEST_NO_KVM', message: expect.stringContaining('; join the group kvm; ') }),
    );
    expect(() => ask({ wanted: 'native', guest: 'aarch64', kvm: usable })).toThrow(
      expect.objectContaining({ code: 'VMTEST_ENGINE' }),
    );
  });

  it('asks KVM only where the answer depends on it', () => {
    const probes = (wanted: ChoiceInput['wanted'], guest: ChoiceInput['guest']) =>
      needsProbe({ wanted, guest, host: 'x86_64' });
    expect(probes('auto', 'x86_64')).toBe(true);
    expect(probes('native', 'x86_64')).toBe(true);
    expect(probes('auto', 'aarch64')).toBe(false);
    expect(probes('qemu', 'x86_64')).toBe(false);
  });
});

describe('defaultEngine', () => {
  it('is that of the environment', () => {
    expect(defaultEngine({})).toBe('auto');
    expect(defaultEngine({ VMTEST_ENGINE: '' })).toBe('auto');
    expect(defaultEngine({ VMTEST_ENGINE: 'qemu' })).toBe('qemu');
    expect(() => defaultEngine({ VMTEST_ENGINE: 'bochs' })).toThrow(expect.objectContaining({ code: 'VMTEST_USAGE' }));
  });
});
