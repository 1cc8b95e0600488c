/** `vmtest report`: reports of a run, out of its results. */
import { resolve } from 'node:path';
import type { RunEvent } from '../results/events/event.js';
import { readEvents } from '../results/events/reader.js';
import type { ReportCommand } from './command.js';
import { openReporters, replay, settle, warn } from './reporting.js';

/** Exit code 0 when the reports are made, whatever the run was: it has told that itself. */
export async function reportRun({ from, reporters: specs }: ReportCommand, signal: AbortSignal): Promise<number> {
  const directory = resolve(from);
  const events = readEvents(directory, { signal, onTorn: warn });
  // What cannot be read at all gets no report.
  const first = await events.next();
  const reporters = await openReporters(specs, 'stdout', directory);
  return settle(0, await replay(again(first, events), reporters));
}

async function* again(
  first: IteratorResult<RunEvent, void>,
  rest: AsyncGenerator<RunEvent, void>,
): AsyncGenerator<RunEvent> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
