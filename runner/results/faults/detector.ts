/**
 * Finds the kernel's reports of faults on its console, line by line, however long it goes on. Where CONFIG_PRINTK_CALLER
 * is on, the reports of several CPUs are told apart by it; where it is not, what comes inside a report belongs to it.
 */
import type { Fault } from './fault.js';
import { createLineReader } from './lines.js';
import { createRecordParser, type KernelRecord } from './record.js';
import { createReport, type Report } from './report.js';
import { beginningOf } from './rules/index.js';

export interface FaultDetectorOptions {
  /** Called with each fault when its report is complete. */
  onFault?: (fault: Fault) => void;
  /** Called at the first line of a report, with the line as it stands on the console, and its number. */
  onBegin?: (line: string, severity: Fault['severity'], number: number) => void;
  /** Called at each line that says that the kernel panicked. */
  onPanic?: (line: string) => void;
}

export interface FaultDetector {
  /** A line of the console as `createLineReader` gives it. */
  line(line: string): void;
  /** Faults whose reports are not complete yet, as far as they have come; oldest first. */
  open(): Fault[];
  /** The console is at its end: what is open is complete. */
  end(): void;
}

/** Lines from "cut here" to the header: WARN and BUG print their message first. */
const MAX_BEFORE = 16;
/** More callers than this at once, and the oldest loses its report's rest. */
const MAX_CONTEXTS = 32;

const PANIC = /^Kernel panic - not syncing(?::|$)/;
/** kernel/panic.c, lib/bug.c; the rulers of mm/kasan/report.c and kernel/locking/lockdep.c */
const CUT = /^-+\[ cut here \]-+$/;
const RULER = /^={20,}$/;
/** lib/nmi_backtrace.c: other CPUs print what a report about all of them asks for. */
const ANSWER = /^NMI backtrace for cpu \d+/;
const ASKING = new Set(['rcu-stall', 'soft-lockup', 'hard-lockup', 'hung-task']);

interface Context {
  report?: Report | undefined;
  /** Lines that belong to the report that may begin now. */
  before: string[];
}

export function createFaultDetector(options: FaultDetectorOptions = {}): FaultDetector {
  const parse = createRecordParser();
  const contexts = new Map<string, Context>();
  let count = 0;

  const close = (report: Report): void => {
    for (const [caller, context] of contexts) if (context.report === report) contexts.delete(caller);
    options.onFault?.(report.fault());
  };
  const openReports = (): Report[] => {
    const reports = [...contexts.values()].flatMap(({ report }) => report ?? []);
    return [...new Set(reports)].sort((a, b) => a.line - b.line);
  };
  const contextOf = (caller: string): Context => {
    const known = contexts.get(caller);
    if (known !== undefined) return known;
    const [oldest] = contexts.size < MAX_CONTEXTS ? [] : contexts;
    if (oldest !== undefined) {
      contexts.delete(oldest[0]);
      if (oldest[1].report !== undefined) close(oldest[1].report);
    }
    const context: Context = { before: [] };
    contexts.set(caller, context);
    return context;
  };

  const begin = (record: KernelRecord, line: string): boolean => {
    const begun = beginningOf(record.text);
    if (begun === undefined) return false;
    const context = contextOf(record.caller);
    context.report = createReport(begun, record, count, context.before);
    context.before = [];
    options.onBegin?.(line, begun.rule.severity ?? 'fault', count);
    return true;
  };

  /** Whether the line went to a report that is open. */
  const proceed = (record: KernelRecord): boolean => {
    const report = contexts.get(record.caller)?.report;
    if (report === undefined) return false;
    const begun = PANIC.test(record.text) ? undefined : beginningOf(record.text);
    if (!(begun !== undefined && report.isAnother(begun)) && report.take(record)) return true;
    close(report);
    return false;
  };

  const remember = ({ text, caller }: KernelRecord): void => {
    if (CUT.test(text) || RULER.test(text)) {
      contextOf(caller).before = [text];
      return;
    }
    const context = contexts.get(caller);
    if (context === undefined) return;
    if (context.before.length > 0 && context.before.length < MAX_BEFORE && CUT.test(context.before[0] ?? '')) {
      context.before.push(text);
    } else if (context.report === undefined) contexts.delete(caller);
  };

  const answer = ({ text, caller }: KernelRecord): void => {
    if (caller === '' || contexts.get(caller)?.report !== undefined || !ANSWER.test(text)) return;
    const asking = openReports().find((report) => ASKING.has(report.fault().type));
    if (asking !== undefined) contextOf(caller).report = asking;
  };

  return {
    line(line) {
      count += 1;
      const record = parse(line);
      if (record === undefined) return;
      if (PANIC.test(record.text)) options.onPanic?.(line);
      answer(record);
      if (proceed(record) || begin(record, line)) return;
      remember(record);
    },
    open: () => openReports().map((report) => report.fault()),
    end() {
      for (const report of openReports()) close(report);
      contexts.clear();
    },
  };
}

/** All faults of a console log, in the order of their first lines. */
export function findFaults(log: string | Uint8Array): Fault[] {
  const faults: Fault[] = [];
  const detector = createFaultDetector({ onFault: (fault) => faults.push(fault) });
  const reader = createLineReader(detector.line);
  reader.write(typeof log === 'string' ? Buffer.from(log) : log);
  reader.end();
  detector.end();
  return faults.sort((a, b) => a.line - b.line);
}
