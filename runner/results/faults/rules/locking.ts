/** lockdep, RCU's checks, and what must not be done in atomic context. */
import { FN, type Rule } from './rule.js';

/** `WARNING:` since 4.11, `INFO:` or `[ ... ]` before; `print_*` of kernel/locking/lockdep.c. */
const LEAD = String.raw`^(?:WARNING: |BUG: |INFO: |=*\[ (?:BUG: |INFO: |WARNING: )?)`;
/** What `print_lock` says of the lock that is wanted. */
const WANTED: readonly RegExp[] = [new RegExp(String.raw`^[\da-f]{8,16} \(.*, at: (?:\[<[\da-f]+>\] )?${FN}\+0x`)];

const lockdep = (type: Rule['type'], text: string, title: string): Rule => ({
  type,
  header: new RegExp(LEAD + text),
  title,
  later: WANTED,
  end: 'silence',
});

export const LOCKING: readonly Rule[] = [
  lockdep('deadlock', 'possible (?:circular|recursive) locking', 'possible deadlock[ in {fn}]'),
  lockdep('deadlock', 'possible irq lock inversion', 'possible deadlock[ in {fn}]'),
  lockdep('deadlock', String.raw`\S+-safe -> \S+-unsafe lock order`, 'possible deadlock[ in {fn}]'),
  lockdep('lock-state', 'inconsistent lock state', 'inconsistent lock state[ in {fn}]'),
  lockdep('rcu-usage', 'suspicious RCU(?:-\\w+)? usage', 'WARNING: suspicious RCU usage[ in {fn}]'),
  lockdep('lock-misuse', 'held lock freed', 'WARNING: held lock freed[ in {fn}]'),
  lockdep('lock-misuse', 'bad unlock balance', 'WARNING: bad unlock balance[ in {fn}]'),
  lockdep('lock-misuse', 'bad contention', 'WARNING: bad contention[ in {fn}]'),
  lockdep('lock-misuse', 'Nested lock was not taken', 'WARNING: nested lock was not taken[ in {fn}]'),
  lockdep('lock-misuse', 'Invalid wait context', 'BUG: invalid wait context[ in {fn}]'),
  lockdep('lock-misuse', 'trying to register non-static key', 'INFO: trying to register non-static key[ in {fn}]'),
  // debug_check_no_locks_held, lockdep_sys_exit: `BUG: task/1 still has locks held!`
  {
    type: 'lock-misuse',
    header: new RegExp(`${LEAD}(?:.+ )?still has locks held`),
    title: 'WARNING: locks still held[ in {fn}]',
    end: 'silence',
  },
  {
    type: 'lock-misuse',
    header: new RegExp(`${LEAD}lock held (?<when>when returning to user space|at task exit time)`),
    title: 'WARNING: lock held {when}[ in {fn}]',
    later: [new RegExp(String.raw`, at: (?:\[<[\da-f]+>\] )?${FN}\+0x`)],
    end: 'silence',
  },
  { type: 'lock-misuse', header: /^BUG: (?<what>MAX_\w+) too low!/, title: 'BUG: {what} too low!', end: 'silence' },
  // kernel/locking/spinlock_debug.c: spin_dump
  {
    type: 'lock-misuse',
    header: /^BUG: (?<kind>spinlock|rwlock) (?<what>[\w -]+?) on CPU#\d+/,
    title: 'BUG: {kind} {what}[ in {fn}]',
    end: 'silence',
  },
  // kernel/sched/core.c: __might_resched, __schedule_bug; Documentation/locking
  {
    type: 'sleep-in-atomic',
    header: /^BUG: sleeping function called from invalid context/,
    title: 'BUG: sleeping function called from invalid context[ in {fn}]',
    end: 'silence',
  },
  {
    type: 'sleep-in-atomic',
    header: /^BUG: scheduling while atomic: /,
    title: 'BUG: scheduling while atomic[ in {fn}]',
    end: 'silence',
  },
  {
    type: 'sleep-in-atomic',
    header: /^bad: scheduling from the idle thread!/,
    title: 'bad: scheduling from the idle thread[ in {fn}]',
    end: 'silence',
  },
  // lib/smp_processor_id.c: check_preemption_disabled
  {
    type: 'preemptible',
    header: /^BUG: using (?<what>\w+)\(\) in preemptible/,
    title: 'BUG: using {what}() in preemptible code[ in {fn}]',
    later: [new RegExp(String.raw`^caller is ${FN}\+0x`)],
    end: 'silence',
  },
  // kernel/softirq.c, kernel/workqueue.c: what a callback left behind
  {
    type: 'lock-misuse',
    header: /^BUG: workqueue leaked (?:lock|atomic)/,
    title: 'BUG: workqueue leaked lock or atomic[ in {fn}]',
    later: [new RegExp(`last function: ${FN}`)],
    end: 'silence',
  },
];
