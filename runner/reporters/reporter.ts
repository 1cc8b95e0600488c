/** What a reporter is, and what it is told of its surroundings. */
import type { RunEvent } from '../results/events/event.js';

export interface Reporter {
  /** Takes the next event. What it throws ends this reporter and no other. */
  onEvent(event: RunEvent): void;
  /** Resolves when a reader that is slow has caught up; whoever can wait between events does. */
  drained?(): Promise<void>;
  /** After the last event, which is `run-end` unless the run was killed. Resolves when everything is written. */
  finish(): Promise<void>;
}

/** A terminal, or whatever stands in its place. */
export type OutputStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };

export interface ReporterContext {
  stdout: OutputStream;
  env: NodeJS.ProcessEnv;
  /** Absolute; what reporters tell of files is relative to it. */
  cwd: string;
  /** Absolute path of the results, where attachments are; absent when there are none on this host. */
  results?: string;
  /** Where a document goes whose reporter was given no output. */
  documents: 'stdout' | 'results';
  /** The run goes on now, and is no replay: progress is shown where the terminal allows. */
  live: boolean;
  /** Milliseconds since 1970. Default: `Date.now`. */
  now?: () => number;
  /** Calls `tick` again and again until the result is called. Default: an interval that keeps no process alive. */
  every?: (ms: number, tick: () => void) => () => void;
}
