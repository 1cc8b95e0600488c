/** Where the text of a reporter goes: a stream, a file, or a file that nobody sees until it is read back. */

import { randomUUID } from 'node:crypto';
import {
  close,
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { VmtestError } from '../errors.js';
import { makeDirectory } from '../make-directory.js';
import { outputError } from '../output-error.js';
import type { OutputStream } from './reporter.js';

export interface Sink {
  /** Throws when an earlier write failed, or this one. */
  write(text: string): void;
  /** Resolves when a slow reader has caught up. */
  drained(): Promise<void>;
  /** Resolves when everything is written; rejects with the reason when it is not. */
  end(): Promise<void>;
}

/** Throws VMTEST_OUTPUT_CLOSED when nobody reads, VMTEST_OUTPUT for other errors. The stream stays open. */
export function createStreamSink(stream: OutputStream): Sink {
  let broken: Error | undefined;
  let full = false;
  const onError = (error: NodeJS.ErrnoException): void => {
    broken ??= outputError(error);
  };
  stream.on('error', onError);
  const check = (): void => {
    if (broken !== undefined) throw broken;
  };
  /** Everything before is written, or never will be. */
  const settled = (): Promise<void> =>
    new Promise<void>((resolve) => {
      const done = (error?: Error | null): void => {
        if (error) onError(error);
        stream.off('error', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('error', done);
      stream.on('close', done);
      stream.write('', done);
    }).then(check);
  return {
    write(text) {
      check();
      if (text !== '' && !stream.write(text)) full = true;
    },
    async drained() {
      check();
      if (!full) return;
      full = false;
      await settled();
    },
    async end() {
      check();
      await settled();
      stream.off('error', onError);
    },
  };
}

/**
 * A file that has its name only when it is whole, so that what was there before stays until then. Throws
 * VMTEST_RESULTS. What is no regular file, like /dev/null or a pipe, is written to as it is.
 */
export async function createFileSink(path: string): Promise<Sink> {
  const special = statSync(path, { throwIfNoEntry: false })?.isFile() === false;
  const part = special ? path : `${path}.${process.pid}.part`;
  let file: number;
  try {
    if (!special) await makeDirectory(dirname(path));
    file = openSync(part, 'w');
  } catch (cause) {
    throw unwritable(path, cause);
  }
  return {
    write(text) {
      try {
        writeAll(file, text);
      } catch (cause) {
        // Whoever gets this writes nothing more.
        if (!special) rmSync(part, { force: true });
        throw unwritable(path, cause);
      }
    },
    drained: () => Promise.resolve(),
    async end() {
      try {
        if (!special) fsyncSync(file);
        closeSync(file);
        if (!special) renameSync(part, path);
      } catch (cause) {
        if (!special) rmSync(part, { force: true });
        throw unwritable(path, cause);
      }
    },
  };
}

export const createSink = async (output: string, stdout: OutputStream): Promise<Sink> =>
  output === '-' ? createStreamSink(stdout) : createFileSink(output);

function unwritable(path: string, cause: unknown): VmtestError {
  return new VmtestError('VMTEST_RESULTS', `${path} cannot be written: ${(cause as Error).message}`, { cause });
}

function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Text that is wanted later, kept on the disk. */
export interface Spool {
  write(text: string): void;
  /** All of it, to a sink, a piece at a time; it is empty afterwards. */
  pour(sink: Sink): Promise<void>;
  close(): void;
}

/** The file has no name once this returns, so nothing is left behind whatever happens. */
export function createSpool(directory = tmpdir()): Spool {
  const path = join(directory, `.vmtest-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  let length = 0;
  return {
    write(text) {
      writeAll(file, text);
      length += Buffer.byteLength(text);
    },
    async pour(sink) {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      const piece = Buffer.alloc(256 * 1024);
      for (let at = 0; at < length; ) {
        const got = readSync(file, piece, 0, piece.length, at);
        if (got === 0) break;
        at += got;
        sink.write(decoder.decode(piece.subarray(0, got), { stream: true }));
        await sink.drained();
      }
      ftruncateSync(file, 0);
      length = 0;
    },
    close: () => close(file, () => {}),
  };
}
