/** What an error looks like on the terminal; pure. */
import { VmtestError } from '../errors.js';

/** One line that says what happened, and the last lines of the console where they are the evidence. */
export function errorLines(error: unknown): string {
  if (!(error instanceof VmtestError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `vmtest: a bug in vmtest: ${text}\n`;
  }
  const message = `vmtest: ${error.message.replace(/\s*\n\s*/g, ' ')}\n`;
  const console = error.context['console'];
  if (!Array.isArray(console) || console.length === 0) return message;
  const lines = console.map((line) => `  | ${String(line)}\n`);
  return `${message}vmtest: the last lines of the guest's console:\n${lines.join('')}`;
}
