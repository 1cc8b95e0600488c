/** What was found on a console, as plain values. */

/** Stable names, made for programs: they are never renamed. `docs/faults.md` says what each of them stands for. */
export type FaultType =
  | 'panic'
  | 'oops'
  | 'null-deref'
  | 'page-fault'
  | 'general-protection'
  | 'divide-error'
  | 'double-fault'
  | 'unhandled-exception'
  | 'stack-overflow'
  | 'stack-corruption'
  | 'bug'
  | 'warning'
  | 'kasan'
  | 'kcsan'
  | 'kmsan'
  | 'kfence'
  | 'ubsan'
  | 'deadlock'
  | 'lock-state'
  | 'lock-misuse'
  | 'rcu-usage'
  | 'rcu-stall'
  | 'soft-lockup'
  | 'hard-lockup'
  | 'workqueue-lockup'
  | 'hung-task'
  | 'sleep-in-atomic'
  | 'preemptible'
  | 'oom'
  | 'cgroup-oom'
  | 'allocation-failure'
  | 'memory-leak'
  | 'reference-leak'
  | 'bad-page'
  | 'slab-corruption'
  | 'list-corruption'
  | 'refcount'
  | 'usercopy'
  | 'debug-object'
  | 'irq'
  | 'msr-access'
  | 'taint';

/** A line of the source; `symbolize` finds it. */
export interface SourceLine {
  function: string;
  file: string;
  line: number;
}

/** `function+offset/size [module]`. Offset and size are bytes. */
export interface Frame {
  function: string;
  offset: number;
  size: number;
  module?: string;
  /** The address itself was executed (RIP, pc), and is not where a call returns to. */
  exact?: true;
  /** Innermost first, where functions were inlined. */
  source?: SourceLine[];
}

export interface Fault {
  type: FaultType;
  /** One line that is the same whenever the same thing happens: `KASAN: slab-out-of-bounds Read in foo`. */
  title: string;
  /** A note is no fault of the kernel: it fails nothing. */
  severity: 'fault' | 'note';
  /** The line that the report begins with, without what printk puts before it. */
  text: string;
  /** Number of that line on the console; the first is 1. */
  line: number;
  /** All lines of the report, as `text`; at most `MAX_TRACE_LINES`. */
  trace: string[];
  /** Frames of the stack that the fault happened on, innermost first. */
  frames: Frame[];
  /** 16 hexadecimal digits: the same for the same type and the same innermost functions. */
  fingerprint: string;
  /** The letters of `Tainted:`, like `GW`; empty when not tainted, absent when the report does not say. */
  taint?: string;
  /** Why the kernel panicked, when it did because of this. */
  panic?: string;
}
