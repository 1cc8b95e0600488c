/** A file of a job that grows while it runs; made when there is something to write. */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory } from '../make-directory.js';

export interface OutputFile extends AsyncDisposable {
  /** Takes the bytes at once. The promise settles when the writer should go on: at once, while little waits to be written. */
  write(chunk: Uint8Array): Promise<void>;
  /** Whether there is a file; one that was never written to is not made. */
  readonly exists: boolean;
  /** More came than the limit. */
  readonly truncated: boolean;
  /** Why some of it was lost; the first reason. */
  readonly error: Error | undefined;
}

/** Bytes that may wait to be written before the writer is told to wait. */
const MAX_WAITING = 1 << 20;

/** Nothing rejects: a run whose disk is full goes on, and tells. `limit`: bytes that are kept. */
export function openOutputFile(path: string, limit: number): OutputFile {
  let handle: FileHandle | undefined;
  let size = 0;
  let waiting = 0;
  let truncated = false;
  let error: Error | undefined;
  let tail: Promise<void> = Promise.resolve();

  const append = async (chunk: Uint8Array): Promise<void> => {
    try {
      if (error !== undefined) return;
      if (handle === undefined) {
        await makeDirectory(dirname(path));
        handle = await open(path, 'w');
      }
      await handle.appendFile(chunk);
    } catch (cause) {
      error = cause as Error;
    } finally {
      waiting -= chunk.length;
    }
  };

  return {
    async write(chunk) {
      const kept = chunk.subarray(0, limit - size);
      if (kept.length < chunk.length) truncated = true;
      if (kept.length === 0) return;
      size += kept.length;
      waiting += kept.length;
      tail = tail.then(() => append(kept));
      if (waiting > MAX_WAITING) await tail;
    },
    get exists() {
      return handle !== undefined;
    },
    get truncated() {
      return truncated;
    },
    get error() {
      return error;
    },
    async [Symbol.asyncDispose]() {
      await tail;
      await handle?.close().catch((cause: Error) => {
        error ??= cause;
      });
    },
  };
}
