/** What a test point and its directive mean. Pure. */
import type { CaseVerdict } from '../verdict.js';
import type { TestPoint } from './line.js';

/** `SKIP` counts beside `not ok` as well: both documents say that it is no failure. */
export function verdictOf({ ok, directive, note }: TestPoint): { verdict: CaseVerdict; message: string } {
  if (directive === undefined) return { verdict: ok ? 'passed' : 'failed', message: ok ? '' : (note ?? '') };
  const { word, reason } = directive;
  const colon = reason === '' ? '' : `: ${reason}`;
  switch (word) {
    case 'skip':
      return { verdict: 'skipped', message: reason };
    case 'todo':
      return ok
        ? { verdict: 'passed', message: `todo, and it passed${colon}` }
        : { verdict: 'skipped', message: `todo${colon}` };
    case 'xfail':
      // kselftest writes "ok" for a failure that was expected, KUnit's grammar "not ok".
      return { verdict: 'skipped', message: `expected failure${colon}` };
    case 'timeout':
      return { verdict: ok ? 'passed' : 'failed', message: `timed out${colon}` };
    case 'error':
      return { verdict: ok ? 'passed' : 'failed', message: `error${colon}` };
  }
}
