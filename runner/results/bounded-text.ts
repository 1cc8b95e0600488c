/** Text that grows without end and is kept within a limit: its beginning and its end. */
import { cleanText } from './clean-text.js';
import { MAX_DIAGNOSTICS } from './limits.js';

export interface BoundedText {
  /** `line` without its line feed. */
  addLine(line: string): void;
  /** What was added, cleaned, and a line in the middle that says how much is left out; '' for nothing. */
  text(): string;
  clear(): void;
}

/** `limit`: UTF-16 units that are kept, a half of them of the beginning. */
export function createBoundedText(limit = MAX_DIAGNOSTICS): BoundedText {
  const half = limit >> 1;
  let head = '';
  let tail = '';
  let dropped = 0;
  let headFull = false;
  return {
    addLine(line) {
      const text = `${line}\n`;
      if (!headFull && head.length + text.length <= half) {
        head += text;
        return;
      }
      headFull = true;
      tail += text;
      // Cut only now and then: a cut copies.
      if (tail.length > 3 * half) {
        dropped += tail.length - half;
        tail = Buffer.from(tail.slice(-half), 'utf16le').toString('utf16le');
      }
    },
    text() {
      if (head === '' && tail === '') return '';
      const over = Math.max(0, tail.length - half);
      const left = dropped + over;
      const gap = left === 0 ? '' : `[... ${left} characters left out ...]\n`;
      return cleanText(`${head}${gap}${tail.slice(over)}`).trimEnd();
    },
    clear() {
      head = tail = '';
      dropped = 0;
      headFull = false;
    },
  };
}
