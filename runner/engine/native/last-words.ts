/** What a process complained about last, for the message that it was lost. */

/** How much of the standard error of a process is kept. Characters. */
const KEPT = 4096;

export interface LastWords {
  add(chunk: Buffer): void;
  /** The end of everything. */
  text(): string;
  /** `: ` and the last line, or nothing. */
  quote(): string;
}

export function lastWords(): LastWords {
  let kept = '';
  return {
    add(chunk) {
      kept = (kept + chunk.toString('latin1')).slice(-KEPT);
    },
    text: () => kept,
    quote() {
      const last = kept.trim().split('\n').at(-1) ?? '';
      return last === '' ? '' : `: ${last}`;
    },
  };
}
