import { describe, expect, it } from 'vitest';
import { isPanic, isSplat } from './kernel-faults.js';

describe('isPanic', () => {
  it.each([
    '[    1.234567] Kernel panic - not syncing: sysrq triggered crash',
    '[   12.000001][    T1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100',
    'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)',
    '<0>[    0.1] Kernel panic - not syncing: No working init found.',
  ])('sees %s', (line) => expect(isPanic(line)).toBe(true));

  it.each([
    '[    9.0] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
    '[    0.0] Command line: console=ttyS0 panic=-1',
    'echo Kernel panic - not syncing: not really',
  ])('is not fooled by %s', (line) => expect(isPanic(line)).toBe(false));
});

describe('isSplat', () => {
  it.each([
    '[    3.1] WARNING: CPU: 0 PID: 1 at kernel/panic.c:200 foo+0x1/0x2',
    '[    3.1] WARNING: kernel/panic.c:200 at foo+0x1/0x2, CPU#1: swapper/0/1',
    '[    3.1] WARNING: possible circular locking dependency detected',
    '[    3.1] WARNING: suspicious RCU usage',
    '[    3.1][   T12] BUG: KASAN: slab-out-of-bounds in foo+0x1/0x2',
    '[    3.1] BUG: kernel NULL pointer dereference, address: 0000000000000000',
    '[    3.1] kernel BUG at fs/ext4/inode.c:1!',
    '[    3.1] Oops: 0002 [#1] PREEMPT SMP',
    '[    3.1] UBSAN: shift-out-of-bounds in lib/x.c:1:2',
    '[    3.1] general protection fault, probably for non-canonical address 0xdead',
    '[  241.0] INFO: task hung:12 blocked for more than 120 seconds.',
    '[   30.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!',
    '[   30.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
    '[   30.0] refcount_t: underflow; use-after-free.',
  ])('sees %s', (line) => expect(isSplat(line)).toBe(true));

  it.each([
    '',
    '[    0.0] Linux version 6.1.0 (debian-kernel@lists.debian.org)',
    '[    0.5] Warning: unable to open an initial console.',
    '[    0.5] pci 0000:00:00.0: BAR 0: no space',
    '[    0.5] random: crng init done',
    '[    0.5] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible',
    '[    0.5] debug: this is no BUG: at all',
    'Oopsla conference',
  ])('is not fooled by %s', (line) => expect(isSplat(line)).toBe(false));
});
