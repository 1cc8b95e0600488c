import type { Readable } from 'node:stream';

import { VmtestError } from '../errors.js';
import { FrameBuilder } from './codec.js';
import { ExecFlag, FrameType, MAX_EXEC_PAYLOAD, MAX_GRACE_MS, OUTPUT_WINDOW } from './protocol.js';

/** What a result holds of stdout and stderr. */
export type Capture = 'text' | 'bytes' | 'none';

export interface TerminalSize {
  rows: number;
  cols: number;
}

export interface ExecOptions<C extends Capture = Capture> {
  /** Variables to set; `undefined` removes one. Added to the agent's environment, or to nothing with `cleanEnv`. */
  env?: Readonly<Record<string, string | undefined>>;
  cleanEnv?: boolean;
  /** Working directory in the guest. Default: `/`. */
  cwd?: string | undefined;
  /** `USER` or `USER:GROUP`, names or numbers, from the guest's own passwd and group. Default: the agent's, root. */
  user?: string | undefined;
  /** `pipe`: `stdin` of the process can be written. Default: `none`, the command reads `/dev/null`. */
  stdin?: 'none' | 'pipe';
  /** The whole standard input; implies `stdin: 'pipe'` and closes it at the end. */
  input?: string | Uint8Array | Readable;
  /** Runs the command on a terminal: its output is all in `stdout`. `term` is `TERM`, default `xterm-256color`. */
  pty?: TerminalSize & { term?: string };
  /** Default: `text`. With `none` somebody must read `stdout` and `stderr`, or a full window stops the command. */
  capture?: C;
  /** Bytes kept of each stream; the rest is read and dropped, see `stdoutTruncated`. Default: 8 MiB. */
  maxCapture?: number;
  /** Milliseconds until the command is killed. Default: none. */
  timeoutMs?: number | undefined;
  /** Kills the command when it is aborted. */
  signal?: AbortSignal | undefined;
  /** What a timeout or abort sends to the process group first. Default: `SIGTERM`. */
  killSignal?: NodeJS.Signals;
  /** Milliseconds from `killSignal` to `SIGKILL`. Default: 2000. */
  forceKillAfterMs?: number;
  /** Milliseconds from `SIGKILL` until the guest is taken for dead. Default: 5000. */
  lostAfterMs?: number;
  /** Milliseconds that output is awaited after the command's end from processes it left behind. Default: 250. */
  graceMs?: number;
}

export const DEFAULT_MAX_CAPTURE = 8 * 1024 * 1024;
export const DEFAULT_FORCE_KILL_MS = 2000;
export const DEFAULT_LOST_MS = 5000;
const DEFAULT_GRACE_MS = 250;

export function wantsStdin(options: ExecOptions): boolean {
  return options.stdin === 'pipe' || options.input !== undefined;
}

/** The EXEC request. Throws `VMTEST_USAGE` for what no agent could take. */
export function execRequest(argv: readonly string[], options: ExecOptions): Buffer {
  const set: string[] = [];
  const unset: string[] = [];
  const env = options.pty === undefined ? options.env : { TERM: options.pty.term ?? 'xterm-256color', ...options.env };
  for (const [name, value] of Object.entries(env ?? {})) {
    if (name === '' || name.includes('=')) throw usage(`${JSON.stringify(name)} is not the name of a variable`);
    if (value === undefined) unset.push(name);
    else set.push(`${name}=${value}`);
  }
  if (argv.length === 0 || argv[0] === '') throw usage('there is no command');
  for (const text of [...argv, ...set, ...unset, options.cwd ?? '', options.user ?? '']) {
    if (text.includes('\0')) throw usage(`${JSON.stringify(text)} contains a NUL`);
  }
  const grace = options.graceMs ?? DEFAULT_GRACE_MS;
  if (!Number.isInteger(grace) || grace < 0 || grace > MAX_GRACE_MS) {
    throw usage(`graceMs must be a whole number from 0 to ${MAX_GRACE_MS}, not ${grace}`);
  }
  const flags =
    (options.cleanEnv === true ? ExecFlag.cleanEnv : 0) |
    (wantsStdin(options) ? ExecFlag.stdin : 0) |
    (options.pty === undefined ? 0 : ExecFlag.pty);
  const size = options.pty === undefined ? { rows: 0, cols: 0 } : checkedSize(options.pty);
  const request = new FrameBuilder(FrameType.exec)
    .strings(argv)
    .u8(flags)
    .strings(set)
    .strings(unset)
    .string(options.cwd ?? '')
    .string(options.user ?? '')
    .u16(size.rows)
    .u16(size.cols)
    .u32(OUTPUT_WINDOW)
    .u32(OUTPUT_WINDOW)
    .u32(grace);
  if (request.size > MAX_EXEC_PAYLOAD) {
    throw usage(`the command line and environment have ${request.size} bytes, more than ${MAX_EXEC_PAYLOAD}`);
  }
  return request.build();
}

/** Rows and columns as the kernel takes them, 0 to 65535. */
export function checkedSize(size: TerminalSize): TerminalSize {
  for (const value of [size.rows, size.cols]) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
      throw usage(`a terminal cannot have ${size.rows} rows and ${size.cols} columns`);
    }
  }
  return size;
}

function usage(why: string): VmtestError {
  return new VmtestError('VMTEST_USAGE', `cannot run this in the guest: ${why}`);
}
