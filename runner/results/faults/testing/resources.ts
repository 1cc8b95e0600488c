/** What hangs, and memory. */
import { CPU, dump, type Excerpt, regs } from './parts.js';

export const HANGS: readonly Excerpt[] = [
  {
    name: 'RCU stall',
    type: 'rcu-stall',
    title: 'INFO: rcu detected stall in foo_spin',
    lines: `rcu: INFO: rcu_preempt self-detected stall on CPU\nrcu: \t1-....: (2099 ticks this GP) idle=7b4c/1/0x4000000000000000 softirq=86/86 fqs=1049\n\t(t=2100 jiffies g=-1175 q=5 ncpus=2)\n${CPU}\nRIP: 0010:delay_tsc+0x33/0xa0\nCall Trace:\n <TASK>\n foo_spin+0x12/0x34\n </TASK>`,
    frames: ['delay_tsc', 'foo_spin'],
  },
  {
    name: 'RCU stall, told in the interrupt',
    type: 'rcu-stall',
    title: 'INFO: rcu detected stall in foo_spin',
    lines: `INFO: rcu_sched detected stalls on CPUs/tasks:\nNMI backtrace for cpu 0\n${CPU}\nCall Trace:\n <IRQ>\n dump_stack+0x1/0x2\n odd_helper+0x1/0x2\n </IRQ>\n <TASK>\nRIP: 0010:foo_spin+0x1/0x2\nCode: 90\nRSP: 0018:ffffc900001bbe58 EFLAGS: 00010246\n foo_ioctl+0x12/0x34\n </TASK>`,
    frames: ['foo_spin', 'foo_ioctl'],
  },
  {
    name: 'soft lockup',
    type: 'soft-lockup',
    title: 'BUG: soft lockup in foo_spin',
    lines: `watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [test:77]\n${regs('foo_spin', 'foo_ioctl')}\nKernel panic - not syncing: softlockup: hung tasks`,
    panic: 'softlockup: hung tasks',
  },
  {
    name: 'hard lockup',
    type: 'hard-lockup',
    title: 'BUG: hard lockup in foo_spin',
    lines: `NMI watchdog: Watchdog detected hard LOCKUP on cpu 1\n${regs('native_queued_spin_lock_slowpath', '_raw_spin_lock', 'foo_spin')}`,
  },
  {
    name: 'hung task',
    type: 'hung-task',
    title: 'INFO: task hung in foo_wait',
    lines: `INFO: task test:77 blocked for more than 120 seconds.\n      Not tainted 6.1.0 #1\n"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.\ntask:test            state:D stack:0     pid:77    ppid:1      flags:0x00004000\nCall Trace:\n <TASK>\n __schedule+0x34d/0xa00\n schedule+0x5a/0xd0\n schedule_timeout+0x94/0x150\n foo_wait+0x20/0x30 [fs]\n </TASK>\n\nShowing all locks held in the system:\n1 lock held by khungtaskd/30:\n\n=============================================\n`,
    frames: ['__schedule', 'schedule', 'schedule_timeout', 'foo_wait'],
  },
  {
    name: 'workqueue lockup',
    type: 'workqueue-lockup',
    title: 'BUG: workqueue lockup',
    lines:
      'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!\nShowing busy workqueues and worker pools:\nworkqueue events: flags=0x0\n  pwq 0: cpus=0 node=0 flags=0x0 nice=0 active=1/256 refcnt=2',
  },
];

export const MEMORY: readonly Excerpt[] = [
  {
    name: 'OOM',
    type: 'oom',
    title: 'OOM: killed tail',
    lines: `sh invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0\n${dump('dump_stack_lvl', 'dump_header', 'oom_kill_process')}\nMem-Info:\nactive_anon:25 inactive_anon:30000\nNode 0 DMA free:1000kB\n12345 total pagecache pages\nTasks state (memory values in pages):\n[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n[     77]     0    77    10000     9000    94208        0             0 tail\noom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=tail,pid=77,uid=0\nOut of memory: Killed process 77 (tail) total-vm:40000kB, anon-rss:36000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:92kB oom_score_adj:0`,
  },
  {
    name: 'OOM, only errors on the console',
    type: 'oom',
    title: 'OOM: killed tail',
    lines: 'Out of memory: Killed process 77 (tail) total-vm:40000kB, anon-rss:36000kB',
  },
  {
    name: 'kmemleak, verbose',
    type: 'memory-leak',
    title: 'memory leak in foo_alloc',
    lines: `kmemleak: unreferenced object 0xffff888101010140 (size 64):\nkmemleak:   comm "test", pid 77, jiffies 4294937295\nkmemleak:   hex dump (first 32 bytes):\nkmemleak:     00 00 00 00\nkmemleak:   backtrace (crc 0):\nkmemleak:     [<ffffffff81234567>] __kmem_cache_alloc_node+0x1/0x2\nkmemleak:     [<ffffffff81234568>] kmalloc_trace+0x1/0x2\nkmemleak:     [<ffffffff81234569>] foo_alloc+0x1/0x2 [fs]`,
  },
  {
    name: 'kmemleak',
    type: 'memory-leak',
    title: 'memory leak suspected by kmemleak',
    lines: 'kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)',
  },
  {
    name: 'a network device that stays in use',
    type: 'reference-leak',
    title: 'unregister_netdevice: waiting for eth to become free',
    lines: 'unregister_netdevice: waiting for eth0 to become free. Usage count = 2',
  },
  {
    name: 'bad page state',
    type: 'bad-page',
    title: 'BUG: Bad page state in foo_release',
    lines: `BUG: Bad page state in process test  pfn:12345\npage:ffffea0000000000 refcount:0 mapcount:0 mapping:00000000ab index:0x0 pfn:0x12345\nflags: 0xfffffc0000000(node=0|zone=1|lastcpupid=0x1fffff)\nraw: 000fffffc0000000 dead000000000100\npage dumped because: non-NULL mapping\n${dump('dump_stack_lvl', 'bad_page.cold', 'free_pcp_prepare', 'free_unref_page', 'foo_release')}`,
  },
  {
    name: 'bad page map',
    type: 'bad-page',
    title: 'BUG: Bad page map in foo_unmap',
    lines: `BUG: Bad page map in process test  pte:8000000012345 pmd:12345067\n${dump('dump_stack_lvl', 'print_bad_pte', 'foo_unmap')}`,
  },
  {
    name: 'bad rss counter',
    type: 'bad-page',
    title: 'BUG: Bad rss-counter state',
    lines: 'BUG: Bad rss-counter state mm:00000000ab type:MM_ANONPAGES val:1',
  },
  {
    name: 'slab corruption',
    type: 'slab-corruption',
    title: 'BUG: slab kmalloc-64: Right Redzone overwritten in foo_free',
    lines: `=============================================================================\nBUG kmalloc-64 (Tainted: G      D    ): Right Redzone overwritten\n-----------------------------------------------------------------------------\n\n0xffff888006477f82-0xffff888006477f82 @offset=3970. First byte 0x1 instead of 0xcc\nAllocated in foo_alloc+0x1b/0x30 age=0 cpu=0 pid=105\n kmalloc_trace+0x26/0x90\n foo_alloc+0x1b/0x30\nSlab 0xffffea0000191dc0 objects=16 used=15 fp=0xffff888006477040\nObject   ffff888006477f40: 6b 6b 6b\n${dump('dump_stack_lvl', 'check_bytes_and_report.cold', 'check_object', 'free_to_partial_list', 'foo_free')}\nFIX kmalloc-64: Restoring Right Redzone 0xffff888006477f82-0xffff888006477f82=0xcc`,
    taint: 'GD',
  },
  {
    name: 'objects that remain',
    type: 'slab-corruption',
    title: 'BUG: slab foo_cache: Objects remaining in foo_exit',
    lines: `=============================================================================\nBUG foo_cache (Not tainted): Objects remaining in foo_cache on __kmem_cache_shutdown()\n-----------------------------------------------------------------------------\n${dump('dump_stack_lvl', 'slab_err', '__kmem_cache_shutdown', 'kmem_cache_destroy', 'foo_exit')}`,
  },
];

export const OTHERS: readonly Excerpt[] = [
  {
    name: 'an interrupt that nobody wants',
    type: 'irq',
    title: 'irq: nobody cared',
    lines: `irq 9: nobody cared (try booting with the "irqpoll" option)\n${dump('dump_stack_lvl', '__report_bad_irq')}\nhandlers:\nDisabling IRQ #9`,
  },
  {
    name: 'a kind of BUG that has no rule',
    type: 'bug',
    title: 'BUG: foo ADDR has N users in foo_put',
    lines: `BUG: foo 0xffff888101010140 has 3 users!\n${dump('dump_stack_lvl', 'foo_put')}`,
  },
];
