/**
 * Time limits and cancellation for things that may never happen. A timer here is a limit, never a
 * way to wait for something.
 */

/** The error that an aborted operation rejects with: the signal's own reason when that is an error. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason ?? 'aborted'));
}

export interface Limits {
  /** Milliseconds, from now; no limit when absent. */
  timeoutMs?: number | undefined;
  /** Made only when the limit is reached. */
  onTimeout?: () => Error;
  signal?: AbortSignal | undefined;
}

/**
 * The outcome of `promise`, or a rejection when the limit or the signal comes first. What the promise
 * stands for goes on: the caller stops it where that matters.
 */
export function withLimits<T>(promise: Promise<T>, limits: Limits): Promise<T> {
  const { timeoutMs, signal } = limits;
  if (signal?.aborted) {
    promise.catch(() => {});
    return Promise.reject(abortReason(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => settle(() => reject(abortReason(signal as AbortSignal)));
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => settle(() => reject(limits.onTimeout?.() ?? new Error(`nothing within ${timeoutMs} ms`))),
            timeoutMs,
          );
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

/** Whether the promise was fulfilled or rejected within the limit; never rejects. */
export async function settledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const done = promise.then(
    () => true,
    () => true,
  );
  return withLimits(done, { timeoutMs }).catch(() => false);
}

/** A promise with its two ends apart: `Promise.withResolvers`, which Node 20 lacks. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let ends: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    ends = { resolve, reject };
  });
  return { promise, ...(ends as unknown as Omit<Deferred<T>, 'promise'>) };
}
