/**
 * Tells from a console line that the kernel is in trouble. The texts are those of the kernel's own
 * reports; a line counts only where the report begins, so one report is one line.
 */

/** `[    1.234567]`, with `[    T1]` or `[   C0]` where CONFIG_PRINTK_CALLER is on; also `<4>` levels. */
const PREFIX = String.raw`^(?:<\d+>)?(?:\[\s*\d+\.\d+\]\s*)?(?:\[\s*[TC]\d+\]\s*)?`;

/** kernel/panic.c: panic() prints one of these two, then the reason. */
const PANIC = new RegExp(`${PREFIX}Kernel panic - not syncing(?::|$)`);

const SPLATS = [
  'WARNING: CPU: \\d+', // lib/bug.c, before 6.17
  'WARNING: .+ at .+#', // later: "WARNING: file:line at function, CPU#0"
  'WARNING: (?:possible|suspicious|inconsistent|bad|held lock|lock held|Nested lock|\\S+-safe -> )', // lockdep, RCU
  '={5,} \\[ BUG: ', // lockdep, old style
  'INFO: (?:possible|inconsistent|suspicious) ', // lockdep and RCU, old style
  'BUG: ', // KASAN, KFENCE, KCSAN, KMSAN, soft lockup, "scheduling while atomic", page faults
  'kernel BUG at ', // BUG_ON
  'UBSAN: ',
  'Oops(?::| - )',
  'Oops\\b.*\\[#\\d+\\]',
  'general protection fault',
  'stack segment: ',
  'invalid opcode: \\d+ \\[#',
  'double fault: ',
  'divide error: ',
  'Unable to handle kernel ', // arm64
  'Internal error: ', // arm64
  'Bad mode in ', // arm64
  'INFO: task .+ blocked for more than ', // hung task
  '(?:INFO: )?rcu: INFO: rcu_\\w+ (?:self-)?detected (?:expedited )?stalls?',
  'INFO: rcu_\\w+ (?:self-)?detected ',
  'watchdog: BUG: ',
  'NMI watchdog: ',
  'DEBUG_LOCKS_WARN_ON',
  'kmemleak: \\d+ new suspected memory leaks',
  'refcount_t: ',
  'list_(?:add|del) corruption',
  'page dumped because: ',
  'Kernel panic - not syncing',
];
const SPLAT = new RegExp(`${PREFIX}(?:${SPLATS.join('|')})`);

export function isPanic(line: string): boolean {
  return PANIC.test(line);
}

/** An oops, a warning with a trace, or a finding of a debugging tool. */
export function isSplat(line: string): boolean {
  return SPLAT.test(line);
}
