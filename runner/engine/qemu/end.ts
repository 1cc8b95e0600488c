/** How a guest under QEMU ended: from what QEMU said and how its process ended. Pure. */
import type { GuestEnd } from '../guest.js';

export interface QemuTraces {
  /** `reason` of the last SHUTDOWN event (qapi/run-state.json, ShutdownCause). */
  shutdown?: string | undefined;
  /** pvpanic reported a panic. */
  panicked: boolean;
  /** We killed it. */
  killed: boolean;
  exit: { code: number | undefined; signal: string | undefined };
  /** What it wrote to its standard error. */
  stderr: string;
  memoryMib: number;
}

export function endOf(traces: QemuTraces): GuestEnd {
  const { shutdown, panicked, killed, exit } = traces;
  if (shutdown === 'guest-panic') return { kind: 'panic' };
  if (shutdown === 'guest-shutdown') return { kind: 'poweroff' };
  // A panic explains the reset that follows it.
  if (shutdown === 'guest-reset') return panicked ? { kind: 'panic' } : { kind: 'reset' };
  if (killed) return { kind: 'killed' };
  // isa-debug-exit leaves with (code << 1) | 1 and without a word.
  if (exit.code !== undefined && exit.code % 2 === 1 && traces.stderr.trim() === '') {
    return { kind: 'debug-exit', code: exit.code >> 1 };
  }
  return { kind: 'engine-lost', process: 'QEMU', message: lossOf(traces) };
}

function lossOf({ exit, stderr, memoryMib, shutdown }: QemuTraces): string {
  const words = lastLine(stderr);
  const said = words === '' ? '' : `: ${words}`;
  if (exit.signal === 'SIGKILL') {
    return `it was killed (SIGKILL)${said}; if nobody did that, the kernel did for want of memory: the guest has ${memoryMib} MiB, see \`dmesg\` and the memory limit of this container; lower --memory or run fewer guests at once`;
  }
  if (exit.signal === 'SIGSYS') {
    return `it made a system call that is forbidden here (SIGSYS)${said}; allow it in the seccomp profile of this container`;
  }
  if (exit.signal !== undefined) return `it was ended by ${exit.signal}${said}`;
  const why = shutdown === undefined ? '' : ` after ${shutdown}`;
  return `it ended with exit code ${exit.code}${why}${said}`;
}

/** QEMU begins every line of its own with its name. */
export const lastLine = (stderr: string): string =>
  (stderr.trim().split('\n').at(-1) ?? '').replace(/^qemu-system-\w+: /, '');
