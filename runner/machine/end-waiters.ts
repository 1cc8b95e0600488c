/** One who waits for an end, until `forget`. */
export interface EndWaiter<T> {
  /** Resolves with the end; never, once it was forgotten. */
  readonly end: Promise<T>;
  forget(): void;
}

/**
 * For many who each wait a short time for an end that may be far off: a promise keeps whatever was hung on it until it settles,
 * the result of every command of a long-lived machine for one.
 */
export function endWaiters<T>(ended: Promise<T>): () => EndWaiter<T> {
  const waiting = new Set<(end: T) => void>();
  let over: { end: T } | undefined;
  void ended.then((end) => {
    over = { end };
    for (const resolve of waiting) resolve(end);
    waiting.clear();
  });
  return () => {
    if (over !== undefined) return { end: Promise.resolve(over.end), forget() {} };
    let resolve: (end: T) => void = () => {};
    const end = new Promise<T>((fulfil) => {
      resolve = fulfil;
    });
    waiting.add(resolve);
    return { end, forget: () => void waiting.delete(resolve) };
  };
}
