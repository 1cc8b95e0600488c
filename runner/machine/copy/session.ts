/** One copy with a machine: its limits, and what its errors mean. */
import type { OperationOptions, Skipped } from '../../agent/index.js';
import { abortReason, settledWithin } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import { guestEndError } from '../describe-end.js';
import type { Machine } from '../machine.js';
import type { Placement } from './place.js';

/** What a copy needs of a machine. */
export type CopyMachine = Pick<Machine, 'agent' | 'console' | 'ended'>;

export interface CopyOptions {
  /** Gives up; the copy then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds that the guest may go without any progress. Default: 60 s. */
  stallMs?: number | undefined;
}

/** What was copied, and what was not. */
export interface CopyResult {
  /** Each source with the path that it became. */
  copied: Placement[];
  /** Files, directories and links. */
  entries: number;
  /** Bytes of contents, without holes. */
  bytes: number;
  /** What was left out: paths as the source has them, and why. */
  skipped: Skipped[];
}

/** An emulated CPU on a busy machine is slow; a guest that hangs is silent for ever. */
const DEFAULT_STALL_MS = 60_000;
/** Connections break a little before a guest has ended. Milliseconds. */
const LATE_END_MS = 2000;

export const limitsOf = ({ signal, stallMs = DEFAULT_STALL_MS }: CopyOptions): OperationOptions => ({
  signal,
  stallMs,
});

/** Runs a copy. A guest that ends meanwhile is the error, as it is for a command. */
export async function duringCopy<T>(
  machine: CopyMachine,
  when: string,
  { signal }: CopyOptions,
  copy: () => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await copy();
  } catch (error) {
    if (signal?.aborted) throw abortReason(signal);
    const lost = error instanceof VmtestError && error.code === 'VMTEST_AGENT_LOST';
    if (lost && (await settledWithin(machine.ended, LATE_END_MS))) {
      throw guestEndError(await machine.ended, machine.console, when);
    }
    throw error;
  }
}

/** Adds one transfer to the result, its left-out paths under the path of its source. */
export function addTransfer(
  result: CopyResult,
  placement: Placement,
  transfer: { entries: number; bytes: number; skipped: Skipped[] },
): void {
  result.copied.push(placement);
  result.entries += transfer.entries;
  result.bytes += transfer.bytes;
  const root = placement.source.path.replace(/\/+$/, '');
  for (const { path, reason } of transfer.skipped) result.skipped.push({ path: `${root}/${path}`, reason });
}
