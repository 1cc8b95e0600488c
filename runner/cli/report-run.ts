/** `vmtest report`: reports of a run, out of its results. */
import { resolve } from 'node:path';
import { readEvents } from '../results/events/reader.js';
import type { ReportCommand } from './command.js';
import { openReporters, replay, settle, warn } from './reporting.js';

/** Exit code 0 when the reports are made, whatever the run was: it has told that itself. */
export async function reportRun({ from, reporters: specs }: ReportCommand, signal: AbortSignal): Promise<number> {
  const directory = resolve(from);
  const reporters = await openReporters(specs, 'stdout', directory);
  return settle(0, await replay(readEvents(directory, { signal, onTorn: warn }), reporters));
}
