/** What the lines of a report look like, so that it is seen where another begins to speak. */

const MATERIAL: readonly string[] = [
  // Blanks begin frames, continued lines and columns; rulers part sections.
  '\\s',
  '$',
  '[=*-]{5,}',
  '-+\\[ (?:cut here|end )',
  // Who, where and what: lib/dump_stack.c, kernel/panic.c, arch/x86/kernel/process_64.c, arch/arm64/kernel/process.c
  'CPU: \\d|CPU: |UID: |Comm: |Hardware name: |Workqueue: |Tainted: |Stopper: |Modules linked in:|Unloaded tainted|last unloaded',
  '(?:RIP|RSP|EIP|RAX|RBX|RCX|RDX|RSI|RBP|R\\d\\d|FS|CS|CR2|DR\\d|Code|PKRU|ORIG_RAX|PGD|P4D|PUD|SSP)\\s?:?\\s',
  '#PF: |Oops|(?:pc|lr|sp|pstate|esr|ESR|x\\d+ ?|pmr_save) ?[:=]|Mem abort info|Data abort info|user pgtable|swapper pgtable',
  'Internal error|Exception stack|Process \\S+ \\(pid|Call [Tt]race|Kernel Offset|PHYS_OFFSET|CPU features|Memory Limit|SMP: ',
  'Kernel panic|Rebooting in|note: |Fixing recursive|Dumping ftrace|invalid opcode|general protection|kernel tried to|BUG|WARNING',
  // Sanitizers: mm/kasan/report.c, mm/kfence/report.c, kernel/kcsan/report.c, mm/kmsan/report.c
  '(?:Read|Write) (?:of|at)|(?:read|write|read-write|assert no)\\b.* (?:to|by)\\b|value changed|Reported by|Allocated by|Freed by',
  'Last potentially|Second to last|The buggy|Memory state|which belongs|located |page:|raw:|flags:|head:|page_type|page dumped|page_owner',
  'KASAN: |Uninit was|Local variable|Bytes? \\d+|Memory access|Out-of-bounds|Use-after-free|Invalid |Corrupted|kfence-#|allocated by|freed by',
  'index \\d+ is|shift exponent|signed integer|unsigned integer|load of|member access|store to|left shift|division of|negation of|>ffff|ffff',
  // lockdep and its state: kernel/locking/lockdep.c
  '\\S+ is trying to|but task is already|but there are no|which lock already|the existing|other info|stack backtrace|other context',
  '\\d+ locks? held|no locks held|irq event stamp|hardirqs last|softirqs last|(?:hard|soft)irq|-> #\\d|[\\da-f]{16} \\(|\\{|and this task|inconsistent',
  'rcu_scheduler_active|Possible|INFO: |caller is|preempt_count|in_atomic|RCU nest|offset |last function|Preemption disabled|the (?:first|second|dependencies)',
  // Stalls, memory, slab: kernel/rcu/tree_stall.h, mm/page_alloc.c, mm/slub.c, mm/oom_kill.c
  'rcu: |\\(t=|\\(detected|NMI backtrace|Sending NMI|task:|Showing |Mem-Info|Node \\d|active_anon|kmemleak: |comm |backtrace|hex dump',
  'Slab 0x|Object |Redzone|Bytes b4|Padding|FIX |Allocated in|Freed in|INFO|addr:|file:|Disabling lock|page_pool|refcount|list_(?:add|del)',
  'Registers:|pool \\d|workqueue |pending|in-flight|"echo 0',
];
const PATTERN = new RegExp(`^(?:${MATERIAL.join('|')})`);

export const isMaterial = (text: string): boolean => PATTERN.test(text);
