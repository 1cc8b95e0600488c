/** All rules; the first that matches counts. */
import { EXCEPTIONS } from './exceptions.js';
import { HANGS } from './hangs.js';
import { LOCKING } from './locking.js';
import { MEMORY } from './memory.js';
import { OTHERS } from './others.js';
import type { Rule } from './rule.js';
import { SANITIZERS } from './sanitizers.js';

const RULES: readonly Rule[] = [...SANITIZERS, ...EXCEPTIONS, ...LOCKING, ...HANGS, ...MEMORY, ...OTHERS];

/** One look that nearly every line of a console fails. */
const ANY = new RegExp(RULES.map(({ header }) => `(?:${header.source.replace(/\(\?<\w+>/g, '(?:')})`).join('|'), 'i');

export interface Begun {
  rule: Rule;
  match: RegExpExecArray;
}

/** The report that a message begins. */
export function beginningOf(text: string): Begun | undefined {
  if (!ANY.test(text)) return undefined;
  for (const rule of RULES) {
    const match = rule.header.exec(text);
    if (match !== null) return { rule, match };
  }
  return undefined;
}
