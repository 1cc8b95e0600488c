/** What does not come to an end. */
import type { Rule } from './rule.js';

export const HANGS: readonly Rule[] = [
  // kernel/rcu/tree_stall.h, tree_exp.h, tasks.h
  {
    type: 'rcu-stall',
    header: /^(?:rcu: )?INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?\b/,
    title: 'INFO: rcu detected stall[ in {fn}]',
    end: 'silence',
    interrupted: true,
  },
  // kernel/watchdog.c: watchdog_timer_fn; kernel/watchdog_hld.c, watchdog.c: watchdog_hardlockup_check
  {
    type: 'soft-lockup',
    header: /^(?:NMI )?(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck for /,
    title: 'BUG: soft lockup[ in {fn}]',
    end: 'silence',
    interrupted: true,
  },
  {
    type: 'hard-lockup',
    header: /^(?:NMI )?(?:watchdog: )?(?:CPU\d+: )?Watchdog detected hard LOCKUP on cpu \d+/i,
    title: 'BUG: hard lockup[ in {fn}]',
    end: 'silence',
    interrupted: true,
  },
  // kernel/workqueue.c: wq_watchdog_timer_fn
  {
    type: 'workqueue-lockup',
    header: /^BUG: workqueue lockup - pool /,
    title: 'BUG: workqueue lockup',
    end: 'silence',
  },
  // kernel/hung_task.c: check_hung_task; since 6.18 also what it is blocked in
  {
    type: 'hung-task',
    header: /^INFO: task .{1,64}?:\d+ (?:blocked\b.{0,64}|can't die) for more than \d+ seconds/,
    title: 'INFO: task hung[ in {fn}]',
    end: 'silence',
  },
];
