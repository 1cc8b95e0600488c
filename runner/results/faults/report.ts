/** A report that is being read, from its first line to what ends it. */
import type { Fault } from './fault.js';
import { fingerprintOf, guiltyFunctions } from './fingerprint.js';
import { plainFunction } from './frames.js';
import { isMachinery } from './machinery.js';
import { isMaterial } from './material.js';
import type { KernelRecord } from './record.js';
import type { Begun } from './rules/index.js';
import { createStack } from './stack.js';
import { fillTitle } from './title.js';

/** A report is not longer than this, whatever a guest prints. */
export const MAX_TRACE_LINES = 1000;
const MAX_TRACE_CHARS = 2 ** 18;
/** So many lines in a row that no report has, and it is over. */
const PATIENCE = 32;
/** The same where the stack is there already, and another report begins. */
const PATIENCE_AFTER_STACK = 4;
/** Seconds on the kernel's clock without a line of it, and it is over. */
const SILENCE = 10;

/** kernel/panic.c: print_oops_end_marker; arch/x86/kernel/dumpstack.c prints the registers once more after it. */
const MARKER = /^---\[ end (?:trace|Kernel panic)/;
const RULER = /^={20,}$/;
/** The next kernel: it was booted again. */
const BANNER = /^Linux version \d/;
const PANIC = /^Kernel panic - not syncing(?:: |:?$)/;
/**
 * Panics that follow from a report: make_panic_on_warn, oops_end, check_hung_uninterruptible_tasks, watchdog_timer_fn,
 * panic_on_rcu_stall, do_exit and the like.
 */
const CONSEQUENCE =
  /Fatal exception|panic_on_\w+ (?:set|is)|hung_task: |softlockup: |Hard LOCKUP|RCU Stall|SError|kernel stack overflow|Attempted to kill|bad mode|Unhandled exception|killing interrupt handler|deadlocked on memory|Out of memory/;
const TAINT = /(?:^|[^\w])(?:Tainted: (?<letters>[A-Z](?:[A-Z ]*[A-Z])?)(?=[ )]|$)|(?<not>Not tainted))/;

export interface Report {
  /** Takes a line of the same context; says no when the report was over before it. */
  take(record: KernelRecord): boolean;
  /** Whether this header is that of another fault, and not a part of this report. */
  isAnother(begun: Begun): boolean;
  readonly line: number;
  /** What is known by now. */
  fault(): Fault;
}

/** `before`: lines just above the header that belong to it. */
export function createReport(begun: Begun, record: KernelRecord, line: number, before: readonly string[]): Report {
  const { rule, match } = begun;
  const stack = createStack(rule.interrupted === true);
  const facts: Record<string, string | undefined> = { ...match.groups };
  const trace: string[] = [];
  const held: string[] = [];
  let chars = 0;
  let done = rule.end === 'line';
  let panic: string | undefined;
  let taint: string | undefined;
  let last = record.time;

  const keep = (text: string): void => {
    if (trace.length >= MAX_TRACE_LINES || chars + text.length > MAX_TRACE_CHARS) return;
    trace.push(text);
    chars += text.length;
  };
  const learn = (text: string): void => {
    const letters = TAINT.exec(text)?.groups;
    if (taint === undefined && letters !== undefined) taint = letters['letters']?.replace(/ /g, '') ?? '';
    for (const pattern of rule.later ?? []) {
      for (const [name, value] of Object.entries(pattern.exec(text)?.groups ?? {})) facts[name] ??= value;
    }
    if (panic === undefined && PANIC.test(text)) panic = text.replace(PANIC, '');
  };
  /** Whether the line is one that reports have. */
  const study = (text: string): boolean => {
    const inTrace = stack.line(text);
    learn(text);
    return inTrace || rule.end instanceof RegExp || isMaterial(text);
  };
  const isOver = ({ text, time }: KernelRecord): boolean => {
    if (held.length >= PATIENCE) return true;
    if (time !== undefined && last !== undefined && time - last > SILENCE) return true;
    if (BANNER.test(text)) return true;
    if (PANIC.test(text)) return panic !== undefined || !CONSEQUENCE.test(text);
    // Another report's first line, which looks like this one's last.
    return RULER.test(text) && (done || (rule.end !== 'ruler' && stack.complete));
  };

  const mayEnd = (): boolean => {
    if (done) return true;
    if (rule.end instanceof RegExp) return false;
    // Without a sign that the report has ended, one must not swallow the next.
    if (rule.end === 'silence') return stack.complete || !stack.begun;
    return stack.complete && held.length >= PATIENCE_AFTER_STACK;
  };

  for (const text of before) keep(text);
  keep(record.text);
  learn(record.text);

  return {
    line,
    take(next) {
      if (isOver(next)) return false;
      const { text } = next;
      if (done && /^-+\[ cut here \]/.test(text)) return false;
      if (!study(text)) {
        held.push(text);
        return true;
      }
      for (const line of held.splice(0)) keep(line);
      keep(text);
      last = next.time ?? last;
      if (MARKER.test(text)) done = true;
      else if (rule.end === 'ruler') done ||= RULER.test(text) && stack.frames().length > 0;
      else if (rule.end instanceof RegExp) done ||= rule.end.test(text);
      return true;
    },
    // With `quiet` the console has headers and no traces: the same header again is the same fault again.
    isAnother: (other) => mayEnd() || (other.rule === rule && !stack.begun),
    fault() {
      const frames = stack.frames();
      const named = facts['fn'] === undefined ? undefined : plainFunction(facts['fn']);
      const fn = named === undefined || isMachinery(named) ? (guiltyFunctions(frames)[0] ?? named) : named;
      const title = fillTitle(rule.title, { ...facts, fn });
      return {
        type: rule.type,
        title,
        severity: rule.severity ?? 'fault',
        text: record.text,
        line,
        trace: [...trace],
        frames,
        // Either side of a data race may be printed first; the title has both, sorted.
        fingerprint: fingerprintOf(rule.type, title, rule.type === 'kcsan' ? [] : frames),
        ...(taint === undefined ? {} : { taint }),
        ...(panic === undefined ? {} : { panic }),
      };
    },
  };
}
