/** What the CPU or the kernel itself could not go on with: exceptions, BUG, WARN, panics. */
import { FN, type Rule } from './rule.js';

/** The end of a line of `__die_header` (arch/x86/kernel/dumpstack.c); `[#1]` counts the oopses. */
const DIE = String.raw`[\da-f]{4,8} \[#\d+\]`;

const X86: readonly Rule[] = [
  // arch/x86/mm/fault.c: show_fault_oops; the second form is that before 5.1
  {
    type: 'null-deref',
    header: /^BUG: (?:kernel NULL pointer dereference, address:|unable to handle kernel NULL pointer dereference)/,
    title: 'BUG: unable to handle kernel NULL pointer dereference[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'page-fault',
    header: /^BUG: unable to handle (?:page fault for address|kernel paging request|kernel page fault)/,
    title: 'BUG: unable to handle kernel paging request[ in {fn}]',
    end: 'marker',
  },
  // arch/x86/kernel/traps.c: exc_general_protection
  {
    type: 'general-protection',
    header: new RegExp(`^(?:Oops: )?general protection fault(?:, .*|: .*)${DIE}`),
    title: 'general protection fault[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'divide-error',
    header: new RegExp(`^(?:Oops: )?divide error: ${DIE}`),
    title: 'divide error[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'double-fault',
    header: /^(?:traps: )?PANIC: double fault, error_code: /,
    title: 'PANIC: double fault[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'double-fault',
    header: new RegExp(`^(?:Oops: )?double fault: ${DIE}`),
    title: 'PANIC: double fault[ in {fn}]',
    end: 'marker',
  },
  // arch/x86/kernel/traps.c: handle_stack_overflow
  {
    type: 'stack-overflow',
    header: /^BUG: (?:\w+ )?stack guard page was hit at |^kernel stack overflow /,
    title: 'BUG: stack guard page was hit[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'oops',
    header: new RegExp(
      String.raw`^(?:Oops: )?(?<what>invalid opcode|stack segment|segment not present|invalid TSS|alignment check|bounds|overflow|int3|coprocessor segment overrun|control protection|[\w-]+ exception): ${DIE}`,
    ),
    title: '{what}[ in {fn}]',
    end: 'marker',
  },
  // arch/x86/mm/extable.c: ex_handler_msr
  {
    type: 'msr-access',
    header: new RegExp(String.raw`^unchecked MSR access error: (?:WRMSR to|RDMSR from) 0x[\da-f]+ .*?\(${FN}\+0x`),
    title: 'unchecked MSR access error[ in {fn}]',
    end: 'silence',
  },
];

const ARM64: readonly Rule[] = [
  // arch/arm64/mm/fault.c: die_kernel_fault
  {
    type: 'null-deref',
    header: /^Unable to handle kernel NULL pointer dereference at virtual address /,
    title: 'BUG: unable to handle kernel NULL pointer dereference[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'page-fault',
    header: /^Unable to handle kernel .+ at virtual address /,
    title: 'BUG: unable to handle kernel paging request[ in {fn}]',
    end: 'marker',
  },
  // arch/arm64/kernel/traps.c: arm64_serror_panic, panic_bad_stack, bad_mode; arch/arm64/kernel/entry-common.c
  {
    type: 'unhandled-exception',
    header:
      /^(?:SError Interrupt on CPU\d+|Bad mode in .+ handler detected|Unhandled .+ exception on CPU\d+|Unhandled fault: )/,
    title: 'unhandled exception[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'stack-overflow',
    header: /^Insufficient stack space to handle exception!/,
    title: 'kernel stack overflow[ in {fn}]',
    end: 'marker',
  },
  // arch/arm64/kernel/traps.c: die
  {
    type: 'oops',
    header: /^Internal error: (?<what>.+?)(?:: [\da-f]{1,16})? \[#\d+\]/,
    title: 'Internal error: {what}[ in {fn}]',
    end: 'marker',
  },
];

const ANY: readonly Rule[] = [
  // lib/bug.c: report_bug, on every architecture
  { type: 'bug', header: /^kernel BUG at (?<where>.+?):\d+!/, title: 'kernel BUG in {fn|where}', end: 'marker' },
  { type: 'bug', header: /^Kernel BUG at /, title: 'kernel BUG[ in {fn}]', end: 'marker' },
  { type: 'oops', header: /^Oops(?: - .+?)?: .*\[#\d+\]/, title: 'Oops[ in {fn}]', end: 'marker' },
  // kernel/panic.c: __warn; the second form is that since 6.18
  {
    type: 'warning',
    header: new RegExp(String.raw`^WARNING: CPU: \d+ PID: \d+ at (?<where>\S+?):\d+(?: ${FN}\+0x)?`),
    title: 'WARNING in {fn|where}',
    end: 'marker',
  },
  {
    type: 'warning',
    header: new RegExp(`^WARNING: CPU: \\d+ PID: \\d+ at ${FN}\\+0x`),
    title: 'WARNING in {fn}',
    end: 'marker',
  },
  {
    type: 'warning',
    header: new RegExp(String.raw`^WARNING: (?:\[.*\] )?(?<where>\S+?):\d+ at (?:${FN}\+0x)?.*CPU#\d+`),
    title: 'WARNING in {fn|where}',
    end: 'marker',
  },
  // arch/x86/kernel/unwind_orc.c, unwind_frame.c: orc_warn, unwind_dump
  {
    type: 'warning',
    header: /^WARNING: (?:kernel stack (?:regs|frame) .* has bad |can't access registers at |stack recursion )/,
    title: 'WARNING: corrupted stack seen by the unwinder',
    end: 'silence',
  },
];

/** kernel/panic.c: vpanic. What caused it is usually a fault of its own, just before. */
const PANICS: readonly Rule[] = [
  {
    type: 'stack-corruption',
    header: new RegExp(
      String.raw`^Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: (?:[\da-f]+|${FN}(?:\+0x.*)?)$`,
    ),
    title: 'kernel panic: stack is corrupted[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'stack-corruption',
    header: /^Kernel panic - not syncing: corrupted stack end detected inside scheduler/,
    title: 'kernel panic: corrupted stack end[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'stack-overflow',
    header: /^Kernel panic - not syncing: kernel stack overflow/,
    title: 'kernel stack overflow[ in {fn}]',
    end: 'marker',
  },
  {
    type: 'panic',
    header: /^Kernel panic - not syncing: (?<reason>Attempted to kill init!)/,
    title: 'kernel panic: {reason}',
    end: 'marker',
  },
  {
    type: 'panic',
    header: /^Kernel panic - not syncing(?:: (?<reason>.*?))?[:.]?$/,
    title: 'kernel panic[: {reason}]',
    end: 'marker',
  },
];

export const EXCEPTIONS: readonly Rule[] = [...X86, ...ARM64, ...ANY, ...PANICS];
