/** One QEMU: started through execa with descriptors of ours, in a session of its own, and ending with us. */
import { execa } from 'execa';
import { VmtestError } from '../../errors.js';
import { lastWords } from '../native/last-words.js';

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
  const child = execa('setpriv', ['--pdeathsig', 'KILL', '--', file, ...args], {
    // Its types know no plain descriptors past the third; Node does.
    stdio: ['ignore', 'ignore', 'pipe', ...(fds as never[])],
    env,
    extendEnv: false,
    buffer: false,
    reject: false,
    // Ctrl-C is for us: we end the guests in order.
    detached: true,
    cleanup: false,
  });
  const words = lastWords();
  child.stderr.on('data', words.add);
  const exited = child.then(
    ({ exitCode, signal }): QemuExit => ({ code: exitCode, signal, stderr: words.text() }),
    (error: unknown): QemuExit => ({ code: undefined, signal: undefined, stderr: String(error) }),
  );
  const { pid } = child;
  if (pid === undefined) {
    const { cause, shortMessage } = await child;
    const why = shortMessage ?? 'it was not found';
    throw new VmtestError('QEMU_NOT_STARTED', `cannot start setpriv: ${why}; install the package util-linux`, {
      cause,
    });
  }
  return { pid, exited, kill: () => void child.kill('SIGKILL') };
}
