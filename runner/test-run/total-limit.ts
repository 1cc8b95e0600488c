/** The limit of a whole attempt, as a signal. */
import { abortReason } from '../deadline.js';
import { VmtestError } from '../errors.js';
import { scaledLimit } from '../machine/scaled-limit.js';

export interface TotalLimit extends Disposable {
  /** Aborted with `VMTEST_COMMAND_TIMEOUT` when the time is over, and with the reason of the signal it was made of. */
  readonly signal: AbortSignal;
  /** The guest runs so many times slower than its host: the limit is so much longer, from the beginning on. */
  stretch(timeScale: number): void;
}

/** `limitMs`: milliseconds from now; none when absent. */
export function createTotalLimit(limitMs: number | undefined, signal: AbortSignal): TotalLimit {
  const controller = new AbortController();
  const follow = (): void => controller.abort(abortReason(signal));
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  const begun = performance.now();
  let limit = scaledLimit(limitMs ?? 0, 1);
  const expire = (): void => {
    const message = `the suite did not end within ${limit.text}, its guest's boot included`;
    controller.abort(new VmtestError('VMTEST_COMMAND_TIMEOUT', message));
  };
  let timer = limitMs === undefined ? undefined : setTimeout(expire, limitMs);
  return {
    signal: controller.signal,
    stretch(timeScale) {
      if (limitMs === undefined) return;
      clearTimeout(timer);
      limit = scaledLimit(limitMs, timeScale);
      timer = setTimeout(expire, Math.max(0, limit.ms - (performance.now() - begun)));
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', follow);
    },
  };
}
