/** Reports as kernels print them, written after the code that prints them, and shortened. */
import { LOCKS, SANITIZERS } from './checkers.js';
import { OOPSES, PANICS, WARNINGS } from './exceptions.js';
import type { Excerpt } from './parts.js';
import { HANGS, MEMORY, OTHERS } from './resources.js';

export const EXCERPTS: readonly Excerpt[] = [
  ...OOPSES,
  ...WARNINGS,
  ...SANITIZERS,
  ...LOCKS,
  ...HANGS,
  ...MEMORY,
  ...OTHERS,
  ...PANICS,
];

/** With what printk puts before each line; `caller` as `T77` or `C0`. */
export function asPrinted(lines: string, start = 12.5, caller?: string): string {
  const prefix = (index: number) => `[${(start + index / 1000).toFixed(6).padStart(12)}]`;
  const from = caller === undefined ? '' : `[${caller.padStart(6)}]`;
  return lines
    .split('\n')
    .map((line, index) => `${prefix(index)}${from} ${line}\r\n`)
    .join('');
}
