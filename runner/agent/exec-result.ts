import { constants } from 'node:os';
import type { Readable } from 'node:stream';

import { VmtestError } from '../errors.js';
import type { Capture } from './exec-options.js';

export type Captured<C extends Capture> = C extends 'text' ? string : C extends 'bytes' ? Uint8Array : undefined;

/** How a command ended. A command that could not be started has no result; `result` is then rejected. */
export interface ExecResult<C extends Capture = Capture> {
  argv: readonly string[];
  /** Absent when a signal ended the command, or nobody knows (`lost`). */
  exitCode: number | undefined;
  /** The number of the signal that ended the command. */
  signal: number | undefined;
  /** Like `SIGKILL`; real-time signals are `SIG34` and so on. */
  signalName: string | undefined;
  coreDumped: boolean;
  /** A process that outlived the command held its output open, which was cut off after the grace period. */
  outputHeldOpen: boolean;
  stdout: Captured<C>;
  stderr: Captured<C>;
  /** More came than `maxCapture`. */
  stdoutTruncated: boolean;
  stderrTruncated: boolean;
  timedOut: boolean;
  isCanceled: boolean;
  /** The guest did not even answer to SIGKILL. */
  lost: boolean;
  /** Anything but exit code 0. */
  failed: boolean;
  /** Milliseconds from the call to the end, as the host saw it. */
  durationMs: number;
}

/** Keeps the first bytes of a stream while others may read it too. */
export class CaptureBuffer {
  readonly #chunks: Buffer[] = [];
  readonly #limit: number;
  #size = 0;
  truncated = false;

  constructor(stream: Readable, limit: number) {
    this.#limit = limit;
    stream.on('data', (chunk: Buffer) => this.#add(chunk));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks, this.#size);
  }

  #add(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#limit - this.#size);
    if (kept.length < chunk.length) this.truncated = true;
    if (kept.length === 0) return;
    this.#chunks.push(kept);
    this.#size += kept.length;
  }
}

export function captured<C extends Capture>(buffer: CaptureBuffer | undefined, capture: C): Captured<C> {
  const bytes = buffer?.bytes();
  const value = capture === 'text' ? bytes?.toString('utf8') : bytes;
  return value as Captured<C>;
}

/** Of two names for one number the first is the usual one: SIGABRT before SIGIOT. */
const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** Linux numbers signals alike on x86_64 and aarch64, so the host's table serves for every guest. */
export function signalName(number: number): string {
  return SIGNAL_NAMES.get(number) ?? `SIG${number}`;
}

/** Throws `VMTEST_BAD_INPUT` for what is no signal of Linux. */
export function signalNumber(signal: NodeJS.Signals | number): number {
  const number: number | undefined = typeof signal === 'number' ? signal : constants.signals[signal];
  if (number !== undefined && Number.isInteger(number) && number >= 1 && number <= 64) return number;
  throw new VmtestError('VMTEST_BAD_INPUT', `${String(signal)} is no signal; 1 to 64, or a name like SIGTERM`);
}
