import { VmtestError } from '../errors.js';
import { PayloadReader } from './codec.js';

/** The agent broke the protocol, or something else answers on its port. */
export function protocolError(what: string): VmtestError {
  return new VmtestError('VMTEST_AGENT_PROTOCOL', `the guest agent broke its protocol: ${what}`);
}

/** The connection ended before the operation did: the guest, its agent or the VMM is gone. */
export function lostError(operation: string, cause?: unknown): VmtestError {
  return new VmtestError(
    'VMTEST_AGENT_LOST',
    `the connection to the guest agent ended during ${operation}; the guest may have stopped`,
    cause === undefined ? {} : { cause },
  );
}

export function timeoutError(operation: string, timeoutMs: number): VmtestError {
  return new VmtestError('VMTEST_AGENT_TIMEOUT', `the guest agent did not finish ${operation} within ${timeoutMs} ms`, {
    context: { operation, timeoutMs },
  });
}

export function canceledError(operation: string, cause: unknown): VmtestError {
  return new VmtestError('VMTEST_AGENT_CANCELED', `${operation} was cancelled`, { cause, context: { operation } });
}

const CODES: Readonly<Record<string, string>> = {
  spawn: 'VMTEST_AGENT_EXEC',
  io: 'VMTEST_AGENT_IO',
  clock: 'VMTEST_AGENT_CLOCK',
  power: 'VMTEST_AGENT_POWER',
  protocol: 'VMTEST_AGENT_PROTOCOL',
  agent: 'VMTEST_AGENT_FAILED',
};

const STAGES: Readonly<Record<string, string>> = {
  user: 'the user cannot be taken on',
  cwd: 'the working directory cannot be entered',
  terminal: 'no terminal can be opened',
  exec: 'the program cannot be run',
  agent: 'the agent cannot start a process',
};

/**
 * An ERROR frame as an error. `context` has `errno` (like `ENOENT`, or empty), `osError` (its number in the guest) and
 * for a command that did not start `stage`: `user`, `cwd`, `terminal`, `exec` or `agent`.
 */
export function errorFromFrame(operation: string, payload: Buffer): VmtestError {
  const reader = new PayloadReader(payload);
  const code = reader.text();
  const osError = reader.u32();
  const errno = reader.text();
  const message = reader.text();
  reader.end();
  const stage = code === 'spawn' ? { stage: message } : {};
  const said = code === 'spawn' ? (STAGES[message] ?? message) : message;
  return new VmtestError(
    CODES[code] ?? 'VMTEST_AGENT_FAILED',
    `${operation} failed in the guest: ${said}${errno === '' ? '' : ` (${errno})`}`,
    { context: { operation, errno, osError, ...stage } },
  );
}
