/** Faults that are known and allowed for a while. Pure. */
import { VmtestError } from '../../errors.js';
import type { Fault } from './fault.js';

export interface AllowedFault {
  /** A regular expression, looked for in the title and in each line of the trace. */
  pattern: string;
  /** Why it is allowed: the report of the bug, who looks into it. */
  reason: string;
  /** The last day on which it is, in UTC, as `2026-12-31`. */
  expires: string;
}

export interface FaultJudgement {
  /** What fails: neither allowed nor a note. */
  failing: Fault[];
  allowed: { fault: Fault; by: AllowedFault }[];
  notes: Fault[];
  /** One line for each entry that would have allowed a fault, but has expired. */
  expired: string[];
}

const bad = (index: number, what: string): VmtestError =>
  new VmtestError('VMTEST_BAD_INPUT', `allowed fault ${index + 1}: ${what}`);

/** Checks entries of a configuration. Throws `VMTEST_BAD_INPUT` with one line that says which and why. */
export function parseAllowList(entries: unknown): AllowedFault[] {
  if (!Array.isArray(entries)) throw new VmtestError('VMTEST_BAD_INPUT', 'allowed faults: is not a list');
  return entries.map((entry: unknown, index) => {
    if (typeof entry !== 'object' || entry === null) throw bad(index, 'is not an object');
    const fields = entry as Record<string, unknown>;
    const text = (name: keyof AllowedFault): string => {
      const value = fields[name];
      if (typeof value !== 'string' || value.trim() === '') throw bad(index, `has no "${name}"`);
      return value;
    };
    const allowed = { pattern: text('pattern'), reason: text('reason'), expires: text('expires') };
    compile(allowed, index);
    const day = new Date(`${allowed.expires}T00:00:00Z`);
    // Date takes the 31st of February for the 3rd of March.
    if (Number.isNaN(day.getTime()) || dayOf(day) !== allowed.expires) {
      throw bad(index, `"${allowed.expires}" is no date; write it like 2026-12-31`);
    }
    return allowed;
  });
}

/** `now` decides which entries have expired. */
export function judgeFaults(faults: readonly Fault[], allowList: readonly AllowedFault[], now: Date): FaultJudgement {
  const today = dayOf(now);
  const entries = allowList.map((entry, index) => ({ entry, pattern: compile(entry, index) }));
  const judgement: FaultJudgement = { failing: [], allowed: [], notes: [], expired: [] };
  const expired = new Map<AllowedFault, Fault>();
  for (const fault of faults) {
    const fitting = entries.filter(({ pattern }) => [fault.title, ...fault.trace].some((line) => pattern.test(line)));
    const valid = fitting.find(({ entry }) => entry.expires >= today);
    if (valid !== undefined) judgement.allowed.push({ fault, by: valid.entry });
    else if (fault.severity === 'note') judgement.notes.push(fault);
    else {
      judgement.failing.push(fault);
      for (const { entry } of fitting) if (!expired.has(entry)) expired.set(entry, fault);
    }
  }
  judgement.expired = [...expired].map(
    ([entry, { title }]) => `"${title}" was allowed until ${entry.expires} (${entry.reason}), and is no longer`,
  );
  return judgement;
}

function compile({ pattern }: AllowedFault, index: number): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw bad(index, `"${pattern}" is no regular expression: ${(cause as Error).message}`);
  }
}

/** Days as ISO has them compare as texts. */
const dayOf = (date: Date): string => date.toISOString().slice(0, 10);
