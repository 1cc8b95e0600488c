/** Reports of streams of events, as a run or a replay makes them. */
import { Writable } from 'node:stream';
import type { RunEvent } from '../../results/events/event.js';
import type { OutputStream, ReporterContext } from '../reporter.js';
import { createReporters, type ReporterProblem } from '../reporters.js';
import { parseReporters } from '../spec.js';

export interface Screen extends OutputStream {
  /** What was written so far. */
  readonly text: string;
}

export function createScreen(options: { isTTY?: boolean; columns?: number; rows?: number } = {}): Screen {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  return Object.defineProperty(Object.assign(stream, options), 'text', {
    get: () => chunks.join(''),
  }) as unknown as Screen;
}

export type Surroundings = Partial<Omit<ReporterContext, 'stdout'>> & { stdout?: Screen };

/** The reporters that `list` names, as `--reporter` has it, over all of the events. */
export async function report(
  list: string,
  events: Iterable<RunEvent>,
  surroundings: Surroundings = {},
): Promise<{ text: string; problems: readonly ReporterProblem[] }> {
  const stdout = surroundings.stdout ?? createScreen();
  const context: ReporterContext = { env: {}, cwd: '/work', documents: 'stdout', live: false, ...surroundings, stdout };
  const reporters = await createReporters(parseReporters('--reporter', list), context);
  for (const event of events) reporters.onEvent(event);
  await reporters.drained();
  const problems = await reporters.finish();
  return { text: stdout.text, problems };
}
