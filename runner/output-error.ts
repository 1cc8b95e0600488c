import { VmtestError } from './errors.js';

/** What it means that our output cannot be written. */
export function outputError(cause: NodeJS.ErrnoException): VmtestError {
  // As with a signal SIGPIPE: nobody reads, so the command has nothing left to do.
  if (cause.code === 'EPIPE') return new VmtestError('VMTEST_OUTPUT_CLOSED', 'nobody reads the output', { cause });
  return new VmtestError('VMTEST_OUTPUT', `the output cannot be written: ${cause.message}`, { cause });
}
