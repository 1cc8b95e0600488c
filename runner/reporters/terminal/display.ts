/** An output for people: lines that stay, and below them, on a terminal, lines that are written over. */
import type { OutputStream, ReporterContext } from '../reporter.js';
import { createStreamSink } from '../sink.js';
import type { Screen } from './progress-lines.js';
import { createStyle, isCalm, type Style, wantsColour } from './style.js';

export interface Display {
  readonly style: Style;
  /** Lines that stay. Throws when the output is broken. */
  print(lines: readonly string[]): void;
  /** `text` as it is, without a line feed. For outputs that draw nothing. */
  write(text: string): void;
  drained(): Promise<void>;
  /** Takes away what was drawn; resolves when everything is written. */
  end(): Promise<void>;
}

/** How often what is drawn is drawn again, milliseconds. */
const TICK = 200;
/** How often an output where nothing is drawn says that the run goes on: CI systems end jobs that are silent. */
const CALM_TICK = 60_000;

export interface Progress {
  /** Lines to write over, on a terminal. */
  draw(screen: Screen): string[];
  /** A line that stays, on other outputs; '' for none. */
  tell(now: number): string;
}

/** Without `progress`, and in a replay, there are only lines that stay. */
export async function createDisplay(context: ReporterContext, progress?: Progress): Promise<Display> {
  const { stdout, env, now = Date.now, every = interval } = context;
  const sink = createStreamSink(stdout);
  const style = createStyle(wantsColour(stdout, env));
  const calm = isCalm(stdout, env);
  const live = progress === undefined || !context.live || calm ? undefined : await createLive(context, progress);
  let failure: unknown;
  let stop = (): void => {};
  /** What goes wrong in a timer belongs to the reporter, which is told of it with its next line. */
  const tick = (action: () => void) => (): void => {
    try {
      action();
    } catch (error) {
      failure ??= error;
      stop();
    }
  };
  if (live !== undefined) stop = every(TICK, tick(live.draw));
  else if (progress !== undefined && context.live) {
    stop = every(
      CALM_TICK,
      tick(() => {
        const line = progress.tell(now());
        if (line !== '') sink.write(`${line}\n`);
      }),
    );
  }
  return {
    style,
    print(lines) {
      if (failure !== undefined) throw failure;
      if (lines.length === 0) return;
      live?.clear();
      sink.write(`${lines.join('\n')}\n`);
      live?.draw();
    },
    write: (text) => sink.write(text),
    drained: () => sink.drained(),
    async end() {
      stop();
      live?.end();
      await sink.end();
    },
  };
}

async function createLive({ stdout, now = Date.now }: ReporterContext, progress: Progress) {
  const [{ createLogUpdate }, { default: stringWidth }] = await Promise.all([
    import('log-update'),
    import('string-width'),
  ]);
  const log = createLogUpdate(stdout);
  return {
    // Not `persist`: it cuts what is longer than the terminal is high.
    clear: () => log.clear(),
    draw(): void {
      const { columns, rows } = sizeOf(stdout);
      log(progress.draw({ columns, rows, widthOf: stringWidth, now: now() }).join('\n'));
    },
    end() {
      log.clear();
      log.done();
    },
  };
}

/** A terminal that does not know its size says 0. */
const sizeOf = ({ columns, rows }: OutputStream): { columns: number; rows: number } => ({
  columns: columns || 80,
  rows: rows || 24,
});

function interval(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms);
  timer.unref();
  return () => clearInterval(timer);
}
