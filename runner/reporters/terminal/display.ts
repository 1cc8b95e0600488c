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
  /** Draws for the last time nothing at all; resolves when everything is written. */
  end(): Promise<void>;
}

/** How often what is drawn is drawn again, milliseconds. */
const TICK = 200;

/** `draw` is asked for the lines to write over; it is not, on outputs where nothing may be. */
export async function createDisplay(context: ReporterContext, draw?: (screen: Screen) => string[]): Promise<Display> {
  const { stdout, env } = context;
  const sink = createStreamSink(stdout);
  const style = createStyle(wantsColour(stdout, env));
  const live = draw === undefined || !context.live || isCalm(stdout, env) ? undefined : await createLive(context, draw);
  return {
    style,
    print(lines) {
      if (lines.length === 0) return;
      live?.clear();
      sink.write(`${lines.join('\n')}\n`);
      live?.draw();
    },
    write: (text) => sink.write(text),
    drained: () => sink.drained(),
    async end() {
      live?.end();
      await sink.end();
    },
  };
}

async function createLive(context: ReporterContext, draw: (screen: Screen) => string[]) {
  const [{ createLogUpdate }, { default: stringWidth }] = await Promise.all([
    import('log-update'),
    import('string-width'),
  ]);
  const { stdout, now = Date.now, every = interval } = context;
  const log = createLogUpdate(stdout);
  const redraw = (): void => {
    const { columns, rows } = sizeOf(stdout);
    log(draw({ columns, rows, widthOf: stringWidth, now: now() }).join('\n'));
  };
  let ended = false;
  const stop = every(TICK, () => {
    if (!ended) redraw();
  });
  return {
    // Not `persist`: it cuts what is longer than the terminal is high.
    clear: () => log.clear(),
    draw: redraw,
    end() {
      ended = true;
      stop();
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
