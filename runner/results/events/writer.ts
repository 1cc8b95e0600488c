/** Writes the events of a run to its file: in order, on the disk soon, and without ever failing the run. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { makeDirectory } from '../../make-directory.js';
import { EVENTS_FILE, type RunEvent } from './event.js';

export interface EventWriter extends AsyncDisposable {
  /** Takes an event; it is written in the background, in order. Never throws; after a problem it does nothing. */
  write(event: RunEvent): void;
  /** Resolves when what was written before is on the disk, or when it never will be. */
  synced(): Promise<void>;
  /** Bytes that wait to be written; whoever makes many events waits for `synced` when it grows. */
  readonly backlog: number;
  /** VMTEST_RESULTS: why nothing is written any more. What was written before is whole. */
  readonly problem: VmtestError | undefined;
}

export interface EventWriterOptions {
  /** Told once, when the file cannot be written any more. */
  onProblem?: (problem: VmtestError) => void;
}

/** Events that must survive a power cut; what stands before them in the file does as well. */
const DURABLE: ReadonlySet<RunEvent['type']> = new Set(['case', 'job-end', 'run-end']);

/**
 * Makes `DIRECTORY/events.jsonl`, and the directory where it is missing. Throws VMTEST_RESULTS when it cannot, and
 * when the file is there: results are never overwritten.
 */
export async function openEventWriter(directory: string, options: EventWriterOptions = {}): Promise<EventWriter> {
  const path = join(directory, EVENTS_FILE);
  try {
    await makeDirectory(directory);
    const file = await open(path, 'ax');
    await syncDirectory(directory);
    return createEventWriter(file, path, options);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it is there already; name another directory' : message;
    throw new VmtestError('VMTEST_RESULTS', `${path} cannot be made: ${why}`, { cause });
  }
}

/** The name of a new file is in its directory; some file systems cannot sync one, and none needs to. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().catch(() => {});
  await handle.close();
}

/** UTF-16 units that are written at once, and the line that goes beyond. */
const MAX_BATCH = 8 * 2 ** 20;

/** Appends to `file` and owns it. `path` is for messages. */
export function createEventWriter(file: FileHandle, path: string, options: EventWriterOptions = {}): EventWriter {
  let waiting: string[] = [];
  let backlog = 0;
  let durable = false;
  let pumping: Promise<void> | undefined;
  let problem: VmtestError | undefined;
  let closing: Promise<void> | undefined;
  /** Length of the file, as long as it ends with a whole line. */
  let whole: number | undefined;

  /** What comes while one batch is written and synced is the next one: many cases share an fsync. */
  async function pump(): Promise<void> {
    // Whatever else is told in this turn belongs to the batch.
    await Promise.resolve();
    while (waiting.length > 0 && problem === undefined) {
      const sync = durable;
      durable = false;
      try {
        const batch = Buffer.from(nextBatch().join(''));
        whole ??= (await file.stat()).size;
        await writeAll(file, batch);
        whole += batch.length;
        if (sync) await file.datasync();
        backlog -= batch.length;
      } catch (cause) {
        await fail(cause);
      }
    }
    pumping = undefined;
  }

  /** Some of what waits; all of it may be longer than a text can be. */
  function nextBatch(): string[] {
    let length = 0;
    let count = 0;
    while (count < waiting.length && length < MAX_BATCH) {
      length += waiting[count]?.length ?? 0;
      count += 1;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    if (waiting.length > 0) durable = true;
    return batch;
  }

  async function fail(cause: unknown): Promise<void> {
    waiting = [];
    backlog = 0;
    // A part of a batch may have been written. What was written and could not be synced may still be read.
    if (whole !== undefined) await file.truncate(whole).catch(() => {});
    problem = new VmtestError(
      'VMTEST_RESULTS',
      `${path} cannot be written any more: ${(cause as Error).message}; results from here on are only shown`,
      { cause },
    );
    options.onProblem?.(problem);
  }

  return {
    write(event) {
      if (problem !== undefined || closing !== undefined) return;
      const line = `${JSON.stringify(event)}\n`;
      waiting.push(line);
      backlog += Buffer.byteLength(line);
      if (DURABLE.has(event.type)) durable = true;
      pumping ??= pump();
    },
    async synced() {
      while (pumping !== undefined) await pumping;
    },
    get backlog() {
      return backlog;
    },
    get problem() {
      return problem;
    },
    [Symbol.asyncDispose]() {
      closing ??= (async () => {
        while (pumping !== undefined) await pumping;
        // NFS and quotas tell of some errors only now.
        await file.close().catch((cause: unknown) => (problem === undefined ? fail(cause) : undefined));
      })();
      return closing;
    },
  };
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}
