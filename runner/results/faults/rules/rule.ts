import type { FaultType } from '../fault.js';

/** How one kind of report is known, named, and how far it goes. */
export interface Rule {
  type: FaultType;
  /** Matches where the report begins, against a message without its prefix. */
  header: RegExp;
  /**
   * The title. `{name}` is a group of `header` or of `later`, `{fn}` the guilty function. What stands in `[...]` is
   * left out where a name in it is not known.
   */
  title: string;
  /** Later lines of the report that say more; the first that matches counts, for each. */
  later?: readonly RegExp[];
  /**
   * What ends the report: `---[ end trace`, a line of `=`, a line of its own kind, the header itself, or nothing but
   * that something else begins.
   */
  end: 'marker' | 'ruler' | 'line' | 'silence' | RegExp;
  /** The stack that counts is the one that was interrupted, and not that of the interrupt. */
  interrupted?: true;
  severity?: 'note';
}

/** What kernel functions look like where a header names one. */
export const FN = String.raw`(?<fn>[A-Za-z_$][\w.$]*)`;
