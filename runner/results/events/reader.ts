/** Reads the events of a run back, one at a time. The file may be any file. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { objectOf } from '../json-value.js';
import { eventProblem } from './check-event.js';
import { EVENTS_FILE, EVENTS_VERSION, type RunEvent } from './event.js';
import { readLines } from './read-lines.js';

export interface ReadOptions {
  /** The last line is a part of one, as a run leaves it that was killed; told with one line for people. */
  onTorn?: (message: string) => void;
  signal?: AbortSignal;
}

/**
 * The events of `DIRECTORY/events.jsonl`: first `run-begin`, then those of its jobs, then `run-end`, which a run that
 * was killed does not have. Throws VMTEST_BAD_INPUT, with the line, for anything else.
 */
export async function* readEvents(directory: string, options: ReadOptions = {}): AsyncGenerator<RunEvent> {
  const path = join(directory, EVENTS_FILE);
  await checkFile(path);
  const order = createOrder();
  let torn = '';
  for await (const { text, number, ended } of readLines(path, options.signal)) {
    const parsed = parseEvent(text);
    if (!ended && typeof parsed === 'string') {
      torn = `${path}:${number}: the last line is cut off; the run was killed, or its disk was full`;
      break;
    }
    const problem = typeof parsed === 'string' ? parsed : order.problem(parsed);
    if (problem !== undefined) throw new VmtestError('VMTEST_BAD_INPUT', `${path}:${number}: ${problem}`);
    yield parsed as RunEvent;
  }
  if (!order.begun) throw new VmtestError('VMTEST_BAD_INPUT', `${path}: has no events`);
  if (torn !== '') options.onTorn?.(torn);
}

/** A FIFO would be waited for. */
async function checkFile(path: string): Promise<void> {
  // What else is wrong with it is told when it is read.
  const status = await stat(path).catch(() => undefined);
  if (status !== undefined && !status.isFile())
    throw new VmtestError('VMTEST_BAD_INPUT', `${path}: is no regular file`);
}

/** The event of a line, or what is wrong with the line. */
function parseEvent(text: string): RunEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'the line is no JSON';
  }
  const version = objectOf(value)?.['version'];
  if (typeof version === 'number' && version !== EVENTS_VERSION) {
    return `version ${version} of the events; this vmtest reads version ${EVENTS_VERSION}`;
  }
  return eventProblem(value) ?? (value as RunEvent);
}

/** Which event may come next. */
function createOrder(): { problem(event: RunEvent): string | undefined; readonly begun: boolean } {
  let jobs: Set<string> | undefined;
  let ended = false;
  return {
    problem(event) {
      if (ended) return `${event.type} after the end of the run`;
      if (event.type === 'run-begin') {
        if (jobs !== undefined) return 'a second run-begin';
        jobs = new Set(event.jobs.map(({ id }) => id));
        return jobs.size < event.jobs.length ? 'two jobs have the same id' : undefined;
      }
      if (jobs === undefined) return `${event.type} before run-begin`;
      if (event.type === 'run-end') ended = true;
      else if (!jobs.has(event.job)) return `${event.type} of a job that run-begin does not name`;
      return undefined;
    },
    get begun() {
      return jobs !== undefined;
    },
  };
}
