/** The limit of a whole attempt, as a signal. */
import { abortReason } from '../deadline.js';
import { VmtestError } from '../errors.js';

export interface TotalLimit extends Disposable {
  /** Aborted with `VMTEST_COMMAND_TIMEOUT` when the time is over, and with the reason of the signal it was made of. */
  readonly signal: AbortSignal;
}

/** `limitMs`: milliseconds from now; none when absent. */
export function createTotalLimit(limitMs: number | undefined, signal: AbortSignal): TotalLimit {
  const controller = new AbortController();
  const follow = (): void => controller.abort(abortReason(signal));
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  const expire = (): void => {
    const message = `the suite did not end within ${(limitMs ?? 0) / 1000} s, its guest's boot included`;
    controller.abort(new VmtestError('VMTEST_COMMAND_TIMEOUT', message));
  };
  const timer = limitMs === undefined ? undefined : setTimeout(expire, limitMs);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener('abort', follow);
    },
  };
}
