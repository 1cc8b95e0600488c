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

export function stallError(operation: string, stallMs: number): VmtestError {
  return new VmtestError('VMTEST_AGENT_TIMEOUT', `the guest made no progress in ${operation} for ${stallMs} ms`, {
    context: { operation, stallMs },
  });
}

export function canceledError(operation: string, cause: unknown): VmtestError {
  return new VmtestError('VMTEST_AGENT_CANCELED', `${operation} was cancelled`, { cause, context: { operation } });
}

/** A file of the host that a transfer could not read or write. `context` has `path` and `errno`. */
export function hostFileError(what: string, path: string | Buffer, cause: unknown): VmtestError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const shown = path.toString();
  const why = HOST_REASONS[code ?? ''] ?? message;
  return new VmtestError('VMTEST_HOST_FILE', `cannot ${what} ${shown} on the host: ${why}`, {
    cause,
    context: { path: shown, errno: code ?? '' },
  });
}

/** Errors of the host's file system as they are; ours, and those that are no system's, pass through. */
export async function onHost<T>(what: string, path: string | Buffer, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    if (error instanceof VmtestError || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw hostFileError(what, path, error);
  }
}

const HOST_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ELOOP: 'it is a symbolic link, or there are too many on the way',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  EDQUOT: 'the quota is used up',
  EEXIST: 'it exists already',
  ENAMETOOLONG: 'the name is too long',
};

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
