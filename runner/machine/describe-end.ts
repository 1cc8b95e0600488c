/** How a guest ended, in words. */
import type { GuestEnd } from '../engine/guest.js';
import { VmtestError } from '../errors.js';
import type { ConsoleLog } from './console-log.js';

export function describeEnd(end: GuestEnd): string {
  switch (end.kind) {
    case 'poweroff':
      return 'it powered off';
    case 'reset':
      return end.by === undefined ? 'it asked for a reset' : `it asked for a reset (${end.by})`;
    case 'panic':
      return 'its kernel panicked';
    case 'triple-fault':
      return 'triple fault: its CPU met an exception that it could not handle';
    case 'debug-exit':
      return `it wrote ${end.code} to the debug-exit port`;
    case 'kvm-internal-error': {
      const name = 'pc' in end.registers ? 'pc' : 'rip';
      const where = name in end.registers ? ` at ${name} ${end.registers[name]}` : '';
      const bytes = end.rip_bytes === '' ? '' : ` (${end.rip_bytes})`;
      return `KVM internal error, suberror ${end.suberror}: KVM gave up on an instruction${where}${bytes}`;
    }
    case 'entry-failure':
      return `the CPU refused to enter it, hardware reason ${end.hardware_reason}`;
    case 'killed':
      return 'it was stopped';
    case 'host-error':
      return `vmtest-vmm could not go on: ${end.message} (${end.code})`;
    case 'engine-lost':
      return `${end.process} was lost: ${end.message}`;
  }
}

/** Ends that are the fault of the host and not of what ran in the guest. */
export function isHostFault(end: GuestEnd): boolean {
  return end.kind === 'host-error' || end.kind === 'engine-lost';
}

/** How a machine ended. `panicked` also when only the console told of it. */
export interface MachineEnd {
  panicked: boolean;
  end: GuestEnd;
}

/** How many of the last console lines an error carries. */
const LINES_IN_ERROR = 30;
/** The same where more of them belong together. */
const MAX_LINES_IN_ERROR = 150;
const LINES_BEFORE_PANIC = 10;

/**
 * The error for a guest that ended when it should not have: `VMTEST_GUEST_PANIC`, `VMTEST_GUEST_ENDED` or
 * `VMTEST_ENGINE`. Its context has `end` and `console`, the last lines. `when`: "while the command ran".
 */
export function guestEndError({ panicked, end }: MachineEnd, console: ConsoleLog, when: string): VmtestError {
  const context = { end, console: evidence(console) };
  if (panicked) {
    const line = console.panic?.replace(/^.*Kernel panic - not syncing:? ?/, '');
    const why = line ? `: ${line}` : '';
    return new VmtestError('VMTEST_GUEST_PANIC', `the guest's kernel panicked ${when}${why}`, { context });
  }
  const code = isHostFault(end) ? 'VMTEST_ENGINE' : 'VMTEST_GUEST_ENDED';
  return new VmtestError(code, `the guest ended ${when}: ${describeEnd(end)}`, { context });
}

/** The agent is gone, but its guest goes on: it hangs, or its agent was killed. */
export function agentLostError(cause: unknown, console: ConsoleLog): VmtestError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const context = { console: evidence(console) };
  return new VmtestError('VMTEST_AGENT_LOST', `${why}, though it has not ended`, { cause, context });
}

/** The last lines; after a panic also those before its trace, where it began. */
function evidence(console: ConsoleLog): string[] {
  const lines = console.tail(MAX_LINES_IN_ERROR);
  const panicAt = console.panic === undefined ? -1 : lines.lastIndexOf(console.panic);
  const from = lines.length - LINES_IN_ERROR;
  return lines.slice(Math.max(0, panicAt < 0 ? from : Math.min(from, panicAt - LINES_BEFORE_PANIC)));
}

/** The guest was not ready in time. */
export function bootTimeoutError(limit: string, console: ConsoleLog): VmtestError {
  const lines = console.tail(LINES_IN_ERROR);
  const heard = lines.length === 0 ? ' and wrote nothing to its console' : '';
  return new VmtestError('VMTEST_BOOT_TIMEOUT', `the guest was not ready within ${limit}${heard}`, {
    context: { console: lines },
  });
}
