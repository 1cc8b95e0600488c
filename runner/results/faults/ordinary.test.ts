import { describe, expect, it } from 'vitest';
import { findFaults } from './detector.js';

/** Lines of healthy boots, and of what people do in guests, that talk of bugs, warnings and errors. */
const ORDINARY = String.raw`
Linux version 6.1.0 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0) #1 SMP PREEMPT_DYNAMIC
Command line: console=ttyS0 panic=-1 oops=panic panic_on_warn=1 softlockup_panic=1 nmi_watchdog=panic kasan.fault=panic
x86/fpu: x87 FPU will use FXSAVE
ACPI BIOS Warning (bug): Optional FADT field Pm2ControlBlock has valid Length but zero Address: 0x0/0x1 (20220331/tbfadt-615)
ACPI BIOS Error (bug): Could not resolve symbol [\_SB.PCI0], AE_NOT_FOUND (20220331/dswload2-162)
ACPI Warning: SystemIO range 0x0000000000000B00 conflicts with OpRegion
ACPI: [Firmware Bug]: BIOS _OSI(Linux) query ignored
[Firmware Bug]: TSC doesn't count with P0 frequency!
[Firmware Warn]: GHES: Poll interval is 0 for generic hardware error source: 1, disabled.
x86/cpu: SGX disabled by BIOS.
x86/cpu: VMX (outside TXT) disabled by BIOS
x86/bugs: return thunk changed
Spectre V1 : Mitigation: usercopy/swapgs barriers and __user pointer sanitization
Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible via Spectre v2 BHB attacks!
MDS: Vulnerable: Clear CPU buffers attempted, no microcode
RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!
TAA CPU bug present and SMT on, data leak possible. See https://www.kernel.org/doc/html/latest/admin-guide/hw-vuln/tsx_async_abort.html
Speculative Store Bypass: Vulnerable
x86/mm: Checked W+X mappings: passed, no W+X pages found.
KASAN: KernelAddressSanitizer initialized (sw-tags, stacktrace=on)
kasan: KernelAddressSanitizer initialized
kfence: initialized - using 2097152 bytes for 255 objects at 0x(____ptrval____)-0x(____ptrval____)
kcsan: enabled early
kcsan: strict mode configured
kmsan: Starting KernelMemorySanitizer
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
... MAX_LOCKDEP_SUBCLASSES:  8
Locking API testsuite:
| Locking API testsuite:
Good, all 261 testcases passed! |
lockdep: fixing up alternatives.
rcu: Preemptible hierarchical RCU implementation.
rcu: RCU lockdep checking is enabled.
rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.
rcu: RCU CPU stall timeout set to 60
rcu: Hierarchical SRCU implementation.
RCU CPU stall warnings timeout set to 21 (rcu_cpu_stall_timeout).
Running RCU self tests
kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)
kmemleak: Automatic memory scanning thread started
slub_debug=FZPU
**   NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE    **
**********************************************************
NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
NMI watchdog: Perf NMI watchdog permanently disabled
watchdog: Delayed init of the lockup detector failed: -19
watchdog: Disabling watchdog on nohz_full cores by default
mce: CPU supports 10 MCE banks
mce: [Hardware Error]: Machine check events logged
clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:
clocksource: Long readout interval, skipping watchdog check: cs_nsec: 1000
INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.234 msecs
hrtimer: interrupt took 1234567 ns
perf: interrupt took too long (2503 > 2500), lowering kernel.perf_event_max_sample_rate to 79000
workqueue: foo_work hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND
sched: RT throttling activated
sched_clock: Marking stable (1, 2)->(3, 4)
Warning: unable to open an initial console.
Warning only 512MB will be used.
WARNING: REMOVE PROFILING
random: crng init done
pci 0000:00:00.0: BAR 0: no space for [mem size 0x00001000]
pci 0000:00:01.0: BAR 0: failed to assign [io  size 0x0080]
PM: Magic number: 0:110:269988
BERT: Boot Error Record Table support disabled. Enable it by using bert_enable as kernel parameter.
EDAC MC: Ver: 3.0.0
EXT4-fs (vda): warning: mounting unchecked fs, running e2fsck is recommended
EXT4-fs error (device vda): ext4_lookup:1855: inode #2: comm ls: deleted inode referenced: 12
blk_update_request: I/O error, dev vda, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2
Buffer I/O error on dev vda, logical block 0, async page read
systemd[1]: Starting systemd-oomd.service - Userspace Out-Of-Memory (OOM) Killer...
systemd[1]: kernel.panic_on_oops: BUG: is a word here
systemd-sysctl[99]: Couldn't write '1' to 'kernel/softlockup_panic', ignoring: No such file or directory
audit: type=1400 audit(1.2:3): apparmor="STATUS" operation="profile_load"
traps: test[77] general protection fault ip:401136 sp:7ffc0b0b0b0b error:0 in test[401000+1000]
traps: test[77] trap divide error ip:401136 sp:7ffc0b0b0b0b error:0 in test[401000+1000]
test[77]: segfault at 0 ip 0000000000401136 sp 00007ffc0b0b0b0b error 6 in test[401000+1000]
test[77]: unhandled exception: DABT (lower EL), ESR 0x0000000092000045, level 1 translation fault
sysrq: Trigger a crash
sysrq: Show backtrace of all active CPUs
sysrq: Show Blocked State
sysrq: Show Locks Held
NMI backtrace for cpu 0
Call Trace:
 foo+0x1/0x2
Showing all locks held in the system:
=============================================
reboot: Restarting system
oom_reaper: reaped process 77 (tail), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB
debug: this is no BUG: at all
not a kernel BUG at all: kernel BUG at a.c:1!
 WARNING: CPU: 0 PID: 1 at a.c:1 foo+0x1/0x2
echo Kernel panic - not syncing: not really
---[ end trace 0000000000000000 ]---
---[ end Kernel panic - not syncing: x ]---
------------[ cut here ]------------
Oopsla conference
Bugs: none
BUGS are not welcome
KASAN: initialized
`
  .trim()
  .split('\n');

describe('ordinary lines', () => {
  it.each(ORDINARY)('%s', (line) => {
    expect(findFaults(`[    0.500000] ${line}\n`)).toEqual([]);
    expect(findFaults(`${line}\n`)).toEqual([]);
  });

  it('are none together either', () => {
    expect(findFaults(ORDINARY.map((line) => `[    0.500000] ${line}\n`).join(''))).toEqual([]);
  });
});
