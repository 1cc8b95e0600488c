/** What ended a suite before its results were complete, as a verdict. Pure. */
import { VmtestError } from '../errors.js';
import type { AbnormalVerdict } from '../results/verdict.js';

export interface Ending {
  verdict: AbnormalVerdict;
  /** Why, in one line. */
  message: string;
  /** The last lines of the console, where the error had them. */
  console?: readonly string[];
}

/** What did not come from the guest, or from what ran in it, is the host's or ours. */
const VERDICTS: Readonly<Record<string, AbnormalVerdict>> = {
  VMTEST_BOOT_TIMEOUT: 'boot-timeout',
  VMTEST_COMMAND_TIMEOUT: 'command-timeout',
  VMTEST_IDLE_TIMEOUT: 'idle-timeout',
  VMTEST_GUEST_PANIC: 'kernel-panic',
  VMTEST_GUEST_ENDED: 'guest-exit',
  // The guest hangs, or killed its agent.
  VMTEST_AGENT_LOST: 'guest-exit',
  VMTEST_AGENT_TIMEOUT: 'guest-exit',
  // A command that the guest does not have, a user that it does not know.
  VMTEST_AGENT_EXEC: 'failed',
  VMTEST_SETUP: 'failed',
  VMTEST_RESULT_FILE: 'failed',
  VMTEST_INTERRUPTED: 'interrupted',
};

export function endingOf(error: unknown): Ending {
  if (!(error instanceof VmtestError)) {
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { verdict: 'infra-error', message: oneLine(`a bug in vmtest: ${what}`) };
  }
  const { console } = error.context;
  return {
    verdict: VERDICTS[error.code] ?? 'infra-error',
    message: oneLine(error.message),
    ...(Array.isArray(console) ? { console: console.map(String) } : {}),
  };
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');
