/** Sanitizers and lockdep. */
import { CPU, CUT, dump, type Excerpt, RULER } from './parts.js';

export const SANITIZERS: readonly Excerpt[] = [
  {
    name: 'KASAN',
    type: 'kasan',
    title: 'KASAN: slab-out-of-bounds Read in foo_get',
    lines: `${RULER}\nBUG: KASAN: slab-out-of-bounds in foo_get+0x1b/0x20\nRead of size 8 at addr ffff888101010140 by task test/77\n\n${dump('dump_stack_lvl', 'print_report', 'kasan_report', 'foo_get', 'foo_ioctl')}\n\nAllocated by task 77:\n kasan_save_stack+0x1/0x2\n foo_alloc+0x3/0x4\n\nThe buggy address belongs to the object at ffff888101010100\n which belongs to the cache kmalloc-64 of size 64\nMemory state around the buggy address:\n ffff888101010000: fc fc fc fc\n>ffff888101010100: 00 00 00 00 fc fc\n                               ^\n${RULER}\nDisabling lock debugging due to kernel taint`,
    frames: ['dump_stack_lvl', 'print_report', 'kasan_report', 'foo_get', 'foo_ioctl'],
  },
  {
    name: 'KASAN in a helper',
    type: 'kasan',
    title: 'KASAN: use-after-free Write in foo_copy',
    lines: `${RULER}\nBUG: KASAN: use-after-free in memcpy+0x3c/0x60\nWrite of size 64 at addr ffff888101010140 by task test/77\n${dump('dump_stack_lvl', 'kasan_report', 'kasan_check_range', 'memcpy', 'foo_copy')}\n${RULER}`,
  },
  {
    name: 'KASAN, double free',
    type: 'kasan',
    title: 'KASAN: double-free in foo_free',
    lines: `${RULER}\nBUG: KASAN: double-free in foo_free+0x3c/0x60\nFree of addr ffff888101010140 by task test/77\n${dump('dump_stack_lvl', 'kasan_report_invalid_free', 'kfree', 'foo_free')}\n${RULER}`,
  },
  {
    name: 'KFENCE',
    type: 'kfence',
    title: 'KFENCE: use-after-free read in foo_get',
    lines: `${RULER}\nBUG: KFENCE: use-after-free read in foo_get+0xb3/0x143\n\nUse-after-free read at 0x00000000ab (in kfence-#24):\n foo_get+0xb3/0x143\n foo_ioctl+0x61/0xa0\n\nkfence-#24: 0x00000000ab-0x00000000cd, size=32, cache=kmalloc-32\n\nallocated by task 507 on cpu 2 at 5.3s:\n foo_alloc+0x1/0x2\n${CPU}\n${RULER}`,
    frames: ['foo_get', 'foo_ioctl'],
  },
  {
    name: 'KCSAN',
    type: 'kcsan',
    title: 'KCSAN: data-race in foo_get / foo_set',
    lines: `${RULER}\nBUG: KCSAN: data-race in foo_get / foo_set\n\nwrite to 0xffff888101010140 of 8 bytes by task 77 on cpu 0:\n foo_set+0x1/0x2\n foo_ioctl+0x3/0x4\n\nread to 0xffff888101010140 of 8 bytes by task 78 on cpu 1:\n foo_get+0x1/0x2\n\nvalue changed: 0x0 -> 0x1\n\nReported by Kernel Concurrency Sanitizer on:\n${CPU}\n${RULER}`,
    frames: ['foo_set', 'foo_ioctl'],
  },
  {
    name: 'KMSAN',
    type: 'kmsan',
    title: 'KMSAN: uninit-value in foo_get',
    lines: `=====================================================\nBUG: KMSAN: uninit-value in foo_get+0x1/0x2\n foo_get+0x1/0x2\n foo_ioctl+0x3/0x4\n\nUninit was created at:\n slab_post_alloc_hook+0x1/0x2\n foo_alloc+0x1/0x2\n\n${CPU}\n=====================================================`,
    frames: ['foo_get', 'foo_ioctl'],
  },
  {
    name: 'UBSAN',
    type: 'ubsan',
    title: 'UBSAN: shift-out-of-bounds in foo_size',
    lines: `================================================================================\nUBSAN: shift-out-of-bounds in fs/foo.c:12:3\nshift exponent 64 is too large for 32-bit type 'int'\n${dump('dump_stack_lvl', 'ubsan_epilogue', '__ubsan_handle_shift_out_of_bounds.cold', 'foo_size')}\n================================================================================`,
  },
  {
    name: 'UBSAN since 6.6',
    type: 'ubsan',
    title: 'UBSAN: array-index-out-of-bounds in foo_size',
    lines: `${CUT}\nUBSAN: array-index-out-of-bounds in ../fs/foo.c:12:3\nindex 4 is out of range for type 'int [4]'\n${dump('dump_stack_lvl', '__ubsan_handle_out_of_bounds', 'foo_size')}\n---[ end trace ]---`,
  },
];

export const LOCKS: readonly Excerpt[] = [
  {
    name: 'circular locking',
    type: 'deadlock',
    title: 'possible deadlock in foo_b',
    lines: `======================================================\nWARNING: possible circular locking dependency detected\n6.1.0 #1 Not tainted\n------------------------------------------------------\ntest/77 is trying to acquire lock:\nffff888101010140 (&a->lock){+.+.}-{3:3}, at: foo_b+0x1/0x2\n\nbut task is already holding lock:\nffff888101010180 (&b->lock){+.+.}-{3:3}, at: foo_a+0x1/0x2\n\nwhich lock already depends on the new lock.\n\nthe existing dependency chain (in reverse order) is:\n\n-> #1 (&b->lock){+.+.}-{3:3}:\n       lock_acquire+0x1/0x2\n       foo_c+0x1/0x2\n\nother info that might help us debug this:\n\n Possible unsafe locking scenario:\n\n *** DEADLOCK ***\n\n2 locks held by test/77:\n #0: ffff888101010180 (&b->lock){+.+.}-{3:3}, at: foo_a+0x1/0x2\n\nstack backtrace:\n${dump('dump_stack_lvl', 'check_noncircular', '__lock_acquire', 'lock_acquire', '__mutex_lock', 'foo_b')}`,
    frames: ['dump_stack_lvl', 'check_noncircular', '__lock_acquire', 'lock_acquire', '__mutex_lock', 'foo_b'],
    taint: '',
  },
  {
    name: 'recursive locking',
    type: 'deadlock',
    title: 'possible deadlock in foo_again',
    lines: `============================================\nWARNING: possible recursive locking detected\n6.1.0 #1 Not tainted\n--------------------------------------------\ntest/77 is trying to acquire lock:\nffff888101010140 (&a->lock){+.+.}-{2:2}, at: foo_again+0x1/0x2\n${dump('dump_stack_lvl', 'validate_chain', 'foo_again')}`,
  },
  {
    name: 'inconsistent lock state',
    type: 'lock-state',
    title: 'inconsistent lock state in foo_irq',
    lines: `================================\nWARNING: inconsistent lock state\n6.1.0 #1 Not tainted\n--------------------------------\ninconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage.\ntest/77 [HC0[0]:SC0[0]:HE1:SE1] takes:\nffff888101010140 (&a->lock){?.+.}-{2:2}, at: foo_irq+0x1/0x2\n{IN-HARDIRQ-W} state was registered at:\n  lock_acquire+0x1/0x2\n${dump('dump_stack_lvl', 'mark_lock', 'foo_irq')}`,
  },
  {
    name: 'irq-safe to irq-unsafe',
    type: 'deadlock',
    title: 'possible deadlock in foo_irq',
    lines: `=====================================================\nWARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected\n6.1.0 #1 Not tainted\n${dump('dump_stack_lvl', 'check_irq_usage', 'foo_irq')}`,
  },
  {
    name: 'suspicious RCU usage',
    type: 'rcu-usage',
    title: 'WARNING: suspicious RCU usage in foo_list',
    lines: `=============================\nWARNING: suspicious RCU usage\n6.1.0 #1 Not tainted\n-----------------------------\nfs/foo.c:12 RCU-list traversed in non-reader section!!\n\nother info that might help us debug this:\n\nrcu_scheduler_active = 2, debug_locks = 1\nno locks held by test/77.\n\nstack backtrace:\n${dump('dump_stack_lvl', 'lockdep_rcu_suspicious', 'foo_list')}`,
  },
  {
    name: 'held lock freed',
    type: 'lock-misuse',
    title: 'WARNING: held lock freed in foo_free',
    lines: `=========================\nWARNING: held lock freed!\n6.1.0 #1 Not tainted\n-------------------------\ntest/77 is freeing memory ffff888101010100-ffff88810101017f, with a lock still held there!\n${dump('dump_stack_lvl', 'debug_check_no_locks_freed', 'kfree', 'foo_free')}`,
  },
  {
    name: 'bad unlock balance',
    type: 'lock-misuse',
    title: 'WARNING: bad unlock balance in foo_unlock',
    lines: `=====================================\nWARNING: bad unlock balance detected!\n6.1.0 #1 Not tainted\n-------------------------------------\ntest/77 is trying to release lock (&a->lock) at:\n${dump('dump_stack_lvl', 'lock_release', 'mutex_unlock', 'foo_unlock')}`,
  },
  {
    name: 'invalid wait context',
    type: 'lock-misuse',
    title: 'BUG: invalid wait context in foo_irq',
    lines: `=============================\n[ BUG: Invalid wait context ]\n6.1.0 #1 Not tainted\n-----------------------------\n${dump('dump_stack_lvl', '__lock_acquire', 'foo_irq')}`,
  },
  {
    name: 'sleeping in atomic context',
    type: 'sleep-in-atomic',
    title: 'BUG: sleeping function called from invalid context in foo_wait',
    lines: `BUG: sleeping function called from invalid context at kernel/locking/mutex.c:283\nin_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 77, name: test\npreempt_count: 1, expected: 0\n1 lock held by test/77:\n #0: ffff888101010140 (&a->lock){+.+.}-{2:2}, at: foo+0x1/0x2\n${dump('dump_stack_lvl', '__might_resched.cold', 'mutex_lock', 'foo_wait')}`,
  },
  {
    name: 'scheduling while atomic',
    type: 'sleep-in-atomic',
    title: 'BUG: scheduling while atomic in foo_wait',
    lines: `BUG: scheduling while atomic: test/77/0x00000002\nModules linked in:\n${dump('dump_stack_lvl', '__schedule_bug', '__schedule', 'schedule', 'foo_wait')}`,
  },
  {
    name: 'preemptible',
    type: 'preemptible',
    title: 'BUG: using smp_processor_id() in preemptible code in foo_cpu',
    lines: `BUG: using smp_processor_id() in preemptible [00000000] code: test/77\ncaller is foo_cpu+0x1/0x2\n${dump('dump_stack_lvl', 'check_preemption_disabled', 'foo_cpu')}`,
  },
  {
    name: 'spinlock',
    type: 'lock-misuse',
    title: 'BUG: spinlock bad magic in foo_lock',
    lines: `BUG: spinlock bad magic on CPU#0, test/77\n lock: 0xffff888101010140, .magic: 00000000, .owner: <none>/-1, .owner_cpu: 0\n${dump('dump_stack_lvl', 'do_raw_spin_lock', 'foo_lock')}`,
  },
];
