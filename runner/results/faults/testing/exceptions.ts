/** Exceptions, BUG, WARN, panics. */
import { arm64, CPU, CUT, dump, END, type Excerpt, regs } from './parts.js';

export const OOPSES: readonly Excerpt[] = [
  {
    name: 'NULL dereference, x86',
    type: 'null-deref',
    title: 'BUG: unable to handle kernel NULL pointer dereference in foo_write',
    lines: `BUG: kernel NULL pointer dereference, address: 0000000000000008
#PF: supervisor write access in kernel mode
#PF: error_code(0x0002) - not-present page
PGD 0 P4D 0
Oops: 0002 [#1] PREEMPT SMP PTI
${regs('foo_write', 'vfs_write', 'ksys_write')}
CR2: 0000000000000008
${END}
RIP: 0010:foo_write+0x1a/0x20
Kernel panic - not syncing: Fatal exception
Kernel Offset: disabled
---[ end Kernel panic - not syncing: Fatal exception ]---`,
    frames: ['foo_write', 'vfs_write', 'ksys_write'],
    taint: '',
    panic: 'Fatal exception',
  },
  {
    name: 'jump to NULL, x86',
    type: 'null-deref',
    title: 'BUG: unable to handle kernel NULL pointer dereference in foo_call',
    lines: `BUG: kernel NULL pointer dereference, address: 0000000000000000
Oops: 0010 [#1] SMP
${CPU.replace('Not tainted', 'Tainted: G    B   W  O     ')}
RIP: 0010:0x0
Call Trace:
 <TASK>
 foo_call+0x12/0x34
 </TASK>
${END}`,
    frames: ['foo_call'],
    taint: 'GBWO',
  },
  {
    name: 'page fault, x86',
    type: 'page-fault',
    title: 'BUG: unable to handle kernel paging request in foo_read',
    lines: `BUG: unable to handle page fault for address: ffffc90012345000\n#PF: supervisor read access in kernel mode\nOops: 0000 [#1] SMP\n${regs('foo_read')}\n${END}`,
  },
  {
    name: 'page fault, x86, before 5.1',
    type: 'page-fault',
    title: 'BUG: unable to handle kernel paging request in foo_read',
    lines: `BUG: unable to handle kernel paging request at ffffc90012345000\nIP: foo_read+0x1/0x2\nOops: 0000 [#1] SMP\n${regs('foo_read')}\n${END}`,
  },
  {
    name: 'general protection, x86, with KASAN',
    type: 'general-protection',
    title: 'general protection fault in foo_get',
    lines: `general protection fault, probably for non-canonical address 0xdffffc0000000001: 0000 [#1] PREEMPT SMP KASAN\nKASAN: null-ptr-deref in range [0x0000000000000008-0x000000000000000f]\n${regs('foo_get')}\n${END}`,
  },
  {
    name: 'general protection, x86, since 6.10',
    type: 'general-protection',
    title: 'general protection fault in foo_get',
    lines: `Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP NOPTI\n${regs('foo_get')}\n${END}`,
  },
  {
    name: 'divide error',
    type: 'divide-error',
    title: 'divide error in foo_rate',
    lines: `divide error: 0000 [#1] PREEMPT SMP\n${regs('foo_rate')}\n${END}`,
  },
  {
    name: 'stack segment',
    type: 'oops',
    title: 'stack segment in foo_rate',
    lines: `Oops: stack segment: 0000 [#3] SMP\n${regs('foo_rate')}\n${END}`,
  },
  {
    name: 'double fault',
    type: 'double-fault',
    title: 'PANIC: double fault in foo_deep',
    lines: `traps: PANIC: double fault, error_code: 0x0\ndouble fault: 0000 [#1] SMP\n${regs('foo_deep')}\n${END}`,
  },
  {
    name: 'stack overflow, x86',
    type: 'stack-overflow',
    title: 'BUG: stack guard page was hit in foo_deep',
    lines: `BUG: TASK stack guard page was hit at 00000000ab (stack is 00000000cd..00000000ef)\nstack guard page: 0000 [#1] SMP\n${regs('foo_deep')}\n${END}`,
  },
  {
    name: 'BUG(), x86',
    type: 'bug',
    title: 'kernel BUG in foo_check',
    lines: `${CUT}\nkernel BUG at fs/foo.c:12!\ninvalid opcode: 0000 [#1] SMP\n${regs('foo_check', 'foo_ioctl')}\n${END}`,
    frames: ['foo_check', 'foo_ioctl'],
  },
  {
    name: 'BUG(), arm64',
    type: 'bug',
    title: 'kernel BUG in foo_check',
    lines: `${CUT}\nkernel BUG at fs/foo.c:12!\nInternal error: Oops - BUG: 00000000f2000800 [#1] SMP\n${arm64('foo_check', 'foo_ioctl')}`,
    frames: ['foo_check', 'foo_ioctl'],
  },
  {
    name: 'NULL dereference, arm64',
    type: 'null-deref',
    title: 'BUG: unable to handle kernel NULL pointer dereference in foo_write',
    lines: `Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008\nMem abort info:\n  ESR = 0x0000000096000044\nData abort info:\nuser pgtable: 4k pages, 48-bit VAs, pgdp=000000010a5bb000\nInternal error: Oops: 0000000096000044 [#1] SMP\n${arm64('foo_write', 'vfs_write', 'el0_svc')}`,
    frames: ['foo_write', 'vfs_write', 'el0_svc'],
  },
  {
    name: 'paging request, arm64',
    type: 'page-fault',
    title: 'BUG: unable to handle kernel paging request in foo_write',
    lines: `Unable to handle kernel paging request at virtual address dead000000000108\nMem abort info:\n[dead000000000108] address between user and kernel address ranges\nInternal error: Oops: 0000000096000044 [#1] SMP\n${arm64('foo_write')}`,
  },
  {
    name: 'undefined instruction, arm64',
    type: 'oops',
    title: 'Internal error: Oops - Undefined instruction in foo_jump',
    lines: `Internal error: Oops - Undefined instruction: 0000000002000000 [#1] SMP\n${arm64('foo_jump')}`,
  },
  {
    name: 'SError, arm64',
    type: 'unhandled-exception',
    title: 'unhandled exception in foo_poke',
    lines: `SError Interrupt on CPU0, code 0x00000000bf000002 -- SError\n${arm64('foo_poke')}\nKernel panic - not syncing: Asynchronous SError Interrupt`,
    panic: 'Asynchronous SError Interrupt',
  },
  {
    name: 'stack overflow, arm64',
    type: 'stack-overflow',
    title: 'kernel stack overflow in foo_deep',
    lines: `Insufficient stack space to handle exception!\nESR: 0x0000000096000047 -- DABT (current EL)\nFAR: 0xffff80000a5b7ff0\n${arm64('foo_deep')}\nKernel panic - not syncing: kernel stack overflow`,
    panic: 'kernel stack overflow',
  },
  {
    name: 'an MSR that is not there',
    type: 'msr-access',
    title: 'unchecked MSR access error in foo_msr',
    lines: `unchecked MSR access error: WRMSR to 0x1b0 (tried to write 0x0000000000000006) at rIP: 0xffffffff81078aa4 (foo_msr+0x4/0x20)\n${dump('foo_init')}`,
  },
];

export const WARNINGS: readonly Excerpt[] = [
  {
    name: 'WARN(), x86',
    type: 'warning',
    title: 'WARNING in foo_warn',
    lines: `${CUT}\nprovoked 7\nWARNING: CPU: 0 PID: 77 at fs/foo.c:12 foo_warn+0x1a/0x20 [fs]\n${regs('foo_warn', 'foo_ioctl')}\n${END}`,
    frames: ['foo_warn', 'foo_ioctl'],
    taint: '',
  },
  {
    name: 'WARN(), since 6.18',
    type: 'warning',
    title: 'WARNING in foo_warn',
    lines: `${CUT}\nWARNING: fs/foo.c:12 at foo_warn+0x1a/0x20 [fs], CPU#0: test/77\n${regs('foo_warn')}\nTainted: [W]=WARN, [O]=OOT_MODULE\n${END}`,
  },
  {
    name: 'WARN(), arm64, in a function that was split',
    type: 'warning',
    title: 'WARNING in foo_warn',
    lines: `${CUT}\nWARNING: CPU: 0 PID: 77 at fs/foo.c:12 foo_warn.constprop.0.isra.2+0x18/0x40\n${arm64('foo_warn.constprop.0.isra.2', 'foo_ioctl')}`,
  },
  {
    name: 'panic_on_warn',
    type: 'warning',
    title: 'WARNING in foo_warn',
    lines: `${CUT}\nWARNING: CPU: 0 PID: 77 at fs/foo.c:12 foo_warn+0x1a/0x20\n${regs('foo_warn', 'foo_ioctl')}\nKernel panic - not syncing: kernel: panic_on_warn set ...\n${CPU}\nCall Trace:\n <TASK>\n dump_stack_lvl+0x1/0x2\n </TASK>\n---[ end Kernel panic - not syncing: kernel: panic_on_warn set ... ]---`,
    panic: 'kernel: panic_on_warn set ...',
    frames: ['foo_warn', 'foo_ioctl'],
  },
  {
    name: 'refcount_t',
    type: 'refcount',
    title: 'WARNING: refcount bug in foo_put',
    lines: `${CUT}\nrefcount_t: underflow; use-after-free.\nWARNING: CPU: 0 PID: 77 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110\n${regs('refcount_warn_saturate', 'foo_put')}\n${END}`,
  },
  {
    name: 'ODEBUG',
    type: 'debug-object',
    title: 'WARNING: ODEBUG bug in foo_free',
    lines: `${CUT}\nODEBUG: free active (active state 0) object: 00000000ab object type: timer_list hint: foo_timer+0x0/0x10\nWARNING: CPU: 0 PID: 77 at lib/debugobjects.c:505 debug_print_object+0x6e/0xb0\n${regs('debug_print_object', 'debug_check_no_obj_freed', 'kfree', 'foo_free')}\n${END}`,
  },
  {
    name: 'list corruption',
    type: 'list-corruption',
    title: 'BUG: corrupted list in foo_del',
    lines: `list_del corruption. prev->next should be ffff888101010101, but was ffff888101010102. (prev=ffff888101010103)\n${CUT}\nkernel BUG at lib/list_debug.c:59!\ninvalid opcode: 0000 [#1] SMP\n${regs('__list_del_entry_valid', 'foo_del')}\n${END}`,
  },
  {
    name: 'usercopy',
    type: 'usercopy',
    title: 'BUG: bad usercopy in foo_read',
    lines: `usercopy: Kernel memory exposure attempt detected from SLUB object 'kmalloc-64' (offset 0, size 128)!\n${CUT}\nkernel BUG at mm/usercopy.c:102!\ninvalid opcode: 0000 [#1] SMP\n${regs('usercopy_abort', '__check_heap_object', 'foo_read')}\n${END}`,
  },
];

export const PANICS: readonly Excerpt[] = [
  {
    name: 'panic',
    type: 'panic',
    title: 'kernel panic: sysrq triggered crash',
    lines: `Kernel panic - not syncing: sysrq triggered crash\n${dump('dump_stack_lvl', 'panic', 'sysrq_handle_crash', 'write_sysrq_trigger')}\nKernel Offset: 0x1a000000 from 0xffffffff81000000\n---[ end Kernel panic - not syncing: sysrq triggered crash ]---`,
    panic: 'sysrq triggered crash',
  },
  {
    name: 'no init',
    type: 'panic',
    title: 'kernel panic: Attempted to kill init!',
    lines: `Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n${dump('dump_stack_lvl', 'panic', 'do_exit')}`,
    panic: 'Attempted to kill init! exitcode=0x00000100',
  },
  {
    name: 'no root',
    type: 'panic',
    title: 'kernel panic: VFS: Unable to mount root fs on unknown-block(N,N)',
    lines: 'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)',
    panic: 'VFS: Unable to mount root fs on unknown-block(0,0)',
  },
  {
    name: 'stack protector',
    type: 'stack-corruption',
    title: 'kernel panic: stack is corrupted in foo_smash',
    lines: `Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: foo_smash+0x5c/0x60 [fs]\n${dump('dump_stack_lvl', 'panic', '__stack_chk_fail', 'foo_smash')}`,
    panic: 'stack-protector: Kernel stack is corrupted in: foo_smash+0x5c/0x60 [fs]',
  },
];
