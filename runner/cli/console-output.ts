/** Where `--console` sends the bytes of the serial port. */
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { VmtestError } from '../errors.js';

export interface ConsoleOutput extends AsyncDisposable {
  /** Undefined where nobody wants the console. */
  readonly write: ((chunk: Buffer) => void) | undefined;
}

/** `-` is standard error. A file is created or emptied; disposing waits until everything is in it. */
export async function openConsole(target: string | undefined): Promise<ConsoleOutput> {
  const nothing = async (): Promise<void> => {};
  if (target === undefined) return { write: undefined, [Symbol.asyncDispose]: nothing };
  if (target === '-') return { write: (chunk) => void process.stderr.write(chunk), [Symbol.asyncDispose]: nothing };
  const handle = await open(target, 'w').catch((cause: unknown) => {
    throw new VmtestError('VMTEST_BAD_INPUT', `--console ${target}: ${(cause as Error).message}`, { cause });
  });
  const stream = createWriteStream(target, { fd: handle });
  // A full disk must not end the run: the error is told when the file is closed.
  stream.on('error', () => {});
  return {
    write: (chunk) => void stream.write(chunk),
    async [Symbol.asyncDispose]() {
      stream.end();
      await finished(stream).catch((cause: unknown) => {
        process.stderr.write(`vmtest: --console ${target}: ${(cause as Error).message}\n`);
      });
    },
  };
}
