/** Where `--console` sends the bytes of the serial port. */
import { constants, createWriteStream, ftruncateSync, type Stats, type WriteStream } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { VmtestError } from '../errors.js';

export interface ConsoleOutput extends AsyncDisposable {
  /** Undefined where nobody wants the console. */
  readonly write: ((chunk: Buffer) => void) | undefined;
}

const nothing = async (): Promise<void> => {};

/**
 * `-` is standard error. A file is opened at once, so that a mistake is told before a guest is started, but
 * emptied only when the guest's first bytes come: a run that is refused leaves the last log as it is. `inputs`
 * are the files of the guest, none of which may be the log. Disposing waits until everything is in it.
 */
export async function openConsole(target: string | undefined, inputs: readonly string[]): Promise<ConsoleOutput> {
  if (target === undefined) return { write: undefined, [Symbol.asyncDispose]: nothing };
  if (target === '-') return { write: (chunk) => void process.stderr.write(chunk), [Symbol.asyncDispose]: nothing };
  const bad = (reason: string, cause?: unknown) =>
    new VmtestError('VMTEST_BAD_INPUT', `--console ${target}: ${reason}`, { cause });
  const before = await stat(target).catch(() => undefined);
  for (const input of inputs) {
    if (before !== undefined && isSame(before, await stat(input).catch(() => undefined))) {
      throw bad('is a file of the guest as well; it would be overwritten');
    }
  }
  const flags = constants.O_WRONLY | (before === undefined ? constants.O_CREAT : 0);
  const handle = await openNow(target, flags, before).catch((cause: NodeJS.ErrnoException) => {
    throw bad(cause.code === 'ENXIO' ? 'nobody reads this FIFO' : cause.message, cause);
  });
  let stream: WriteStream | undefined;
  return {
    write(chunk) {
      stream ??= startLog(target, handle, before?.isFile() === true);
      stream.write(chunk);
    },
    async [Symbol.asyncDispose]() {
      if (stream === undefined) {
        await handle.close();
        if (before === undefined) await rm(target, { force: true });
        return;
      }
      stream.end();
      await finished(stream).catch((cause: unknown) => {
        process.stderr.write(`vmtest: --console ${target}: ${(cause as Error).message}\n`);
      });
    },
  };
}

/** A FIFO that nobody reads would be waited for, and no signal could end that. */
async function openNow(target: string, flags: number, before: Stats | undefined): Promise<FileHandle> {
  if (before?.isFIFO()) await (await open(target, flags | constants.O_NONBLOCK)).close();
  return open(target, flags, 0o666);
}

function isSame(one: Stats, other: Stats | undefined): boolean {
  return one.dev === other?.dev && one.ino === other.ino;
}

function startLog(target: string, handle: FileHandle, old: boolean): WriteStream {
  if (old) ftruncateSync(handle.fd);
  const stream = createWriteStream(target, { fd: handle });
  // A full disk must not end the run: the error is told when the file is closed.
  stream.on('error', () => {});
  return stream;
}
