/** The kernel's faults during an attempt: which case ran then, and which of them fail it. */
import type { Suite } from '../plan/plan.js';
import { judgeFaults } from '../results/faults/allow-list.js';
import type { Fault } from '../results/faults/fault.js';
import { keyOf } from './case-recorder.js';

export interface WatchedFault {
  fault: Fault;
  /** Path of the case that ran when its report began. */
  during?: readonly string[];
  /** Why it fails nothing. */
  allowed?: string;
}

export interface FaultJudgement {
  /** All of them, in the order of the console. */
  faults: WatchedFault[];
  /** Those that fail the attempt. */
  failing: WatchedFault[];
  /** By `keyOf` of the case that ran: the title of the first one that fails it. */
  titles: ReadonlyMap<string, string>;
  warnings: string[];
}

export interface FaultWatch {
  /** A report begins at that line of the console, while that case runs. */
  begin(line: number, running: readonly string[] | undefined): void;
  judge(faults: readonly Fault[], suite: Pick<Suite, 'faults' | 'allowedFaults'>, now: Date): FaultJudgement;
}

export function createFaultWatch(): FaultWatch {
  const running = new Map<number, readonly string[]>();
  return {
    begin(line, path) {
      if (path !== undefined) running.set(line, path);
    },
    judge(faults, suite, now) {
      const judged = judgeFaults(faults, suite.allowedFaults, now);
      const allowed = new Map(judged.allowed.map(({ fault, by }) => [fault, `${by.reason} (until ${by.expires})`]));
      const failing = new Set(suite.faults === 'fail' ? judged.failing : []);
      const why = (fault: Fault): string | undefined => {
        if (failing.has(fault)) return undefined;
        return allowed.get(fault) ?? (fault.severity === 'note' ? 'a note' : 'faults are only reported');
      };
      const watched = faults.map((fault): WatchedFault => {
        const during = running.get(fault.line);
        const reason = why(fault);
        return {
          fault,
          ...(during === undefined ? {} : { during }),
          ...(reason === undefined ? {} : { allowed: reason }),
        };
      });
      const titles = new Map<string, string>();
      const fail = watched.filter(({ fault }) => failing.has(fault));
      for (const { fault, during } of fail) {
        if (during !== undefined && !titles.has(keyOf(during))) titles.set(keyOf(during), fault.title);
      }
      return { faults: watched, failing: fail, titles, warnings: judged.expired };
    },
  };
}
