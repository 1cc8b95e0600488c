/**
 * One QEMU: started with descriptors of ours, in a session of its own, and ending with us. Through Node itself: execa and what
 * it needs are 150 files, which would be a third of what a run takes until QEMU is started.
 */
import { type StdioOptions, spawn } from 'node:child_process';
import { deferred, settledWithin } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import { lastWords } from '../native/last-words.js';
import { killGroup } from './kill-group.js';

export interface QemuExit {
  code: number | undefined;
  signal: string | undefined;
  /** The end of its standard error. */
  stderr: string;
}

export interface QemuProcess {
  readonly pid: number;
  /** Resolves when it has ended and its standard error was read; never rejects. */
  readonly exited: Promise<QemuExit>;
  /** At once, with nothing written back. */
  kill(): void;
}

/** The first descriptor that the program gets besides the three standard ones. */
export const FIRST_FD = 3;

/**
 * `fds[i]` becomes its descriptor `FIRST_FD + i`; they stay the caller's. Throws `QEMU_NOT_STARTED`.
 *
 * QEMU before 10.2 cannot be told to end with its parent: setpriv asks the kernel for it and then becomes QEMU. Should we
 * die before it has, then QEMU meets a vsock socket that is closed, which ends it too.
 */
export async function startQemu(
  file: string,
  args: readonly string[],
  { fds, env }: { fds: readonly number[]; env: Readonly<Record<string, string>> },
): Promise<QemuProcess> {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', ...fds];
  // Ctrl-C is for us: we end the guests in order.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', file, ...args], { stdio, env, detached: true });
  const words = lastWords();
  child.stderr?.on('data', words.add);
  const failure = deferred<Error>();
  child.once('error', failure.resolve);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const exited = new Promise<QemuExit>((resolve) => {
    child.once('exit', async (code, signal) => {
      // A process of its own that it left behind may hold its standard error open.
      if (!(await settledWithin(closed, LAST_WORDS_MS))) killGroup(child.pid);
      child.stderr?.destroy();
      resolve({ code: code ?? undefined, signal: signal ?? undefined, stderr: words.text() });
    });
  });
  const { pid } = child;
  if (pid === undefined) {
    const cause = await failure.promise;
    const message = `cannot start setpriv: ${cause.message}; install the package util-linux`;
    throw new VmtestError('QEMU_NOT_STARTED', message, { cause });
  }
  return { pid, exited, kill: () => void (child.exitCode === null && child.signalCode === null && killGroup(pid)) };
}

/** How long the last of its standard error may take, when it has ended. Milliseconds. */
const LAST_WORDS_MS = 2000;
