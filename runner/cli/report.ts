/** What an error looks like on the terminal; pure. */
import { VmtestError } from '../errors.js';

/**
 * One line that says what happened, then lines to be copied where they are the remedy, and the last lines of
 * the console where they are the evidence.
 */
export function errorLines(error: unknown): string {
  if (!(error instanceof VmtestError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `vmtest: a bug in vmtest: ${text}\n`;
  }
  const message = `vmtest: ${error.message.replace(/\s*\n\s*/g, ' ')}\n`;
  const remedy = linesOf(error, 'lines').map((line) => `${line}\n`);
  const console = linesOf(error, 'console').map((line) => `  | ${line}\n`);
  if (console.length > 0) console.unshift("vmtest: the last lines of the guest's console:\n");
  return [message, ...remedy, ...console].join('');
}

function linesOf(error: VmtestError, key: string): string[] {
  const lines = error.context[key];
  return Array.isArray(lines) ? lines.map(String) : [];
}
