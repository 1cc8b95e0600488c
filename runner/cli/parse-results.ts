/** `vmtest parse`: what tests wrote, told as cases. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { VmtestError } from '../errors.js';
import { outputError } from '../output-error.js';
import { formatOf } from '../results/formats.js';
import { isFailure } from '../results/verdict.js';
import type { ParseResultsCommand } from './command.js';
import { createJsonPrinter, createTextPrinter } from './results-text.js';

/** Something failed; `ExitCode` is of the commands that have a guest. */
const FAILED = 1;

export async function parseResults(command: ParseResultsCommand, signal: AbortSignal): Promise<number> {
  const printer = command.json ? createJsonPrinter() : createTextPrinter();
  let text = printer.begin();
  const parser = formatOf(command.format).create({
    onCase: (result) => {
      text += printer.case(result);
    },
  });
  const print = async (): Promise<void> => {
    const waiting = text;
    text = '';
    if (waiting === '' || process.stdout.write(waiting)) return;
    await once(process.stdout, 'drain', { signal }).catch((error: NodeJS.ErrnoException) => {
      throw signal.aborted ? signal.reason : outputError(error);
    });
  };
  for await (const chunk of input(command.file, signal)) {
    parser.write(chunk);
    await print();
  }
  const suite = parser.end(command.exitCode === undefined ? {} : { exitCode: command.exitCode });
  text += printer.end(suite);
  await print();
  return isFailure(suite.verdict) ? FAILED : 0;
}

async function* input(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const stream = file === '-' ? addAbortSignal(signal, process.stdin) : createReadStream(file, { signal });
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    const name = file === '-' ? 'standard input' : file;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VmtestError('VMTEST_BAD_INPUT', `${name} cannot be read: ${reason}`, { cause });
  }
}
