/** The console of a guest, for whichever attempt has the guest just now. */
import { type ConsoleLog, createConsoleLog } from '../machine/console-log.js';
import type { Fault } from '../results/faults/fault.js';

export interface ConsoleListener {
  console(chunk: Buffer): void;
  /** The report of a fault begins at that line. */
  onFaultBegin(line: number): void;
}

export interface ConsoleTap {
  readonly log: ConsoleLog;
  write(chunk: Buffer): void;
  /** From now on everything goes to this one; the last one who listened hears nothing more. */
  attach(listener: ConsoleListener | undefined): void;
  /** The faults whose reports began after that many lines. */
  faultsSince(lines: number): Fault[];
}

export function createConsoleTap(): ConsoleTap {
  let listener: ConsoleListener | undefined;
  const log = createConsoleLog({
    sink: (chunk) => listener?.console(chunk),
    onFaultBegin: (line) => listener?.onFaultBegin(line),
  });
  return {
    log,
    write: log.write,
    attach(next) {
      listener = next;
    },
    faultsSince: (lines) => log.faults.filter(({ line }) => line > lines).sort((a, b) => a.line - b.line),
  };
}
