/** One command in a guest: its output to a file and to whoever reads it, its limits, its end. */
import type { Readable } from 'node:stream';
import type { ExecOptions, ExecResult } from '../agent/index.js';
import { deferred, withLimits } from '../deadline.js';
import { VmtestError } from '../errors.js';
import { exitCodeOfSignal } from '../exit-codes.js';
import { type ScaledLimit, scaledLimit } from '../machine/scaled-limit.js';
import type { GuestCommand } from '../plan/plan.js';
import type { TestMachine } from './boot.js';
import type { OutputFile } from './output-file.js';

export interface CommandRequest extends Pick<ExecOptions, 'env' | 'cwd' | 'user'> {
  /** Milliseconds on a guest of the host's own speed, as the next. */
  timeoutMs: number;
  /** Milliseconds without a byte of output; none when absent. */
  idleMs?: number | undefined;
  stdout: OutputFile;
  stderr: OutputFile;
  /** Gets standard output as it comes. */
  onStdout?: (chunk: Buffer) => void;
  /** Awaited after each piece of it. Default: nothing to wait for. */
  pace?: () => Promise<void>;
  signal: AbortSignal;
}

export const argvOf = (command: GuestCommand): readonly string[] =>
  typeof command === 'string' ? ['/bin/sh', '-c', command] : command;

/** How messages call it. */
export const nameOf = (command: GuestCommand): string => {
  const text = (typeof command === 'string' ? command : command.join(' ')).replace(/\s+/g, ' ').trim();
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};

/**
 * The exit code, 128 + N for signal N. Throws `VMTEST_COMMAND_TIMEOUT`, `VMTEST_IDLE_TIMEOUT`, what `exec` throws, or the
 * reason of the signal; then the command was killed, as far as the guest still listens.
 */
export async function runInGuest(
  machine: TestMachine,
  command: GuestCommand,
  request: CommandRequest,
): Promise<number> {
  const { env, cwd, user, signal } = request;
  const limit = scaledLimit(request.timeoutMs, machine.timeScale);
  const process = machine.exec(argvOf(command), { env: env ?? {}, cwd, user, capture: 'none' });
  const idle = createIdleLimit(
    request.idleMs === undefined ? undefined : scaledLimit(request.idleMs, machine.timeScale),
  );
  const read = async (stream: Readable, file: OutputFile, feed?: (chunk: Buffer) => void): Promise<void> => {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      idle.touch();
      feed?.(chunk);
      if (feed !== undefined) await request.pace?.();
      await file.write(chunk);
    }
  };
  const onTimeout = (): VmtestError =>
    new VmtestError('VMTEST_COMMAND_TIMEOUT', `${nameOf(command)} did not end within ${limit.text}`);
  const output = Promise.all([
    read(process.stdout, request.stdout, request.onStdout),
    read(process.stderr, request.stderr),
  ]);
  output.catch(() => {});
  try {
    const ended = process.result.then(async (result) => {
      await output;
      return result;
    });
    const result = await withLimits(Promise.race([ended, idle.expired]), { timeoutMs: limit.ms, onTimeout, signal });
    return exitCodeOf(result);
  } catch (error) {
    process.kill('SIGKILL');
    throw error;
  } finally {
    idle.stop();
  }
}

function exitCodeOf({ exitCode, signal }: ExecResult): number {
  return exitCode ?? exitCodeOfSignal(signal ?? 0);
}

/** `expired` rejects when `touch` was not called for so long; never without a limit. */
function createIdleLimit(limit: ScaledLimit | undefined): {
  touch(): void;
  stop(): void;
  expired: Promise<never>;
} {
  const expired = deferred<never>();
  expired.promise.catch(() => {});
  if (limit === undefined) return { touch() {}, stop() {}, expired: expired.promise };
  const timer = setTimeout(() => {
    const message = `the command wrote nothing for ${limit.text}`;
    expired.reject(new VmtestError('VMTEST_IDLE_TIMEOUT', message));
  }, limit.ms);
  return { touch: () => void timer.refresh(), stop: () => clearTimeout(timer), expired: expired.promise };
}
