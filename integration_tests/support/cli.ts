/** The `vmtest` command as a user runs it: a process with its own temporary directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/vmtest.js', import.meta.url));

/** Whether these specs run under QEMU: ci/test/integration.mjs says so. */
export const isEmulated = process.env['VMTEST_ENGINE'] === 'qemu';

export interface CliOptions {
  /** Bytes for standard input; default: none, it is at its end at once. */
  stdin?: string | Buffer;
  env?: Record<string, string>;
  /** Put before the command: another program that starts it. */
  wrapper?: readonly string[];
}

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** What it left in its temporary directory. */
  left: string[];
}

export interface RunningCli {
  child: ChildProcess;
  temporary: string;
  result: Promise<CliResult>;
}

/** Starts `vmtest ARGS`. */
export async function startVmtest(args: readonly string[], options: CliOptions = {}): Promise<RunningCli> {
  const temporary = await mkdtemp(join(tmpdir(), 'vmtest-spec-'));
  const [file = '', ...rest] = [...(options.wrapper ?? []), process.execPath, MAIN, ...args];
  const env = { ...process.env, ...options.env, TMPDIR: temporary };
  const child = spawn(file, rest, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {}); // A command need not read it.
  child.stdin.end(options.stdin ?? '');
  const finish = async (): Promise<CliResult> => {
    const [[code, signal], stdout, stderr] = await Promise.all([
      once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
      text(child.stdout),
      text(child.stderr),
    ]);
    const left = await readdir(temporary);
    await rm(temporary, { recursive: true, force: true });
    return { code, signal, stdout, stderr, left };
  };
  return { child, temporary, result: finish() };
}

/** Runs `vmtest ARGS` to its end. */
export async function vmtest(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return (await startVmtest(args, options)).result;
}

/** `vmtest run OPTIONS -- COMMAND`, the command as words for the guest's shell. */
export function runInGuest(
  script: string,
  flags: readonly string[] = [],
  options: CliOptions = {},
): Promise<CliResult> {
  return vmtest(['run', ...flags, '--', 'sh', '-c', script], options);
}
