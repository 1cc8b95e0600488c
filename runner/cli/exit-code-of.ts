/** From an error to the exit code of `vmtest`. */
import { VmtestError } from '../errors.js';
import { ExitCode, exitCodeOfSignal } from '../exit-codes.js';

const CODES: Readonly<Record<string, number>> = {
  VMTEST_USAGE: ExitCode.usage,
  VMTEST_CONFIG: ExitCode.usage,
  VMTEST_BAD_INPUT: ExitCode.usage,
  VMTEST_SPLAT: ExitCode.splat,
  VMTEST_GUEST_PANIC: ExitCode.guestPanic,
  VMTEST_BOOT_TIMEOUT: ExitCode.bootTimeout,
  VMTEST_GUEST_ENDED: ExitCode.guestEnded,
  VMTEST_COMMAND_TIMEOUT: ExitCode.commandTimeout,
  VMTEST_INTERRUPTED: ExitCode.interrupted,
  VMTEST_COMMAND_NOT_FOUND: ExitCode.commandNotFound,
  VMTEST_COMMAND_NOT_STARTED: ExitCode.commandNotStarted,
  VMTEST_RESULTS: ExitCode.hostFailed,
  VMTEST_OUTPUT_CLOSED: exitCodeOfSignal(13), // SIGPIPE
};

/** Every error that is not listed is one of the host's or our own. */
export function exitCodeOf(error: unknown): number {
  return (error instanceof VmtestError ? CODES[error.code] : undefined) ?? ExitCode.infrastructure;
}
