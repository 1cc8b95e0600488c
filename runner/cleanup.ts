/**
 * What must be undone, in reverse order of acquisition. (Node 20 has `Symbol.asyncDispose`, but no
 * `AsyncDisposableStack`.)
 */
export interface Cleanup extends AsyncDisposable {
  /** Registers something to be undone. After disposal it is undone at once. */
  defer(undo: () => void | Promise<void>): void;
  /** Registers a disposable and returns it. */
  use<T extends AsyncDisposable>(resource: T): T;
  /** Hands everything to a new owner; this one is empty afterwards. */
  move(): Cleanup;
}

export function createCleanup(): Cleanup {
  let undos: (() => void | Promise<void>)[] = [];
  let disposing: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    const errors: unknown[] = [];
    for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, 'several things could not be cleaned up');
  };

  const cleanup: Cleanup = {
    defer(undo) {
      undos.push(undo);
      if (disposing !== undefined) disposing = disposing.then(run);
    },
    use(resource) {
      cleanup.defer(() => resource[Symbol.asyncDispose]() as Promise<void>);
      return resource;
    },
    move() {
      const next = createCleanup();
      for (const undo of undos) next.defer(undo);
      undos = [];
      return next;
    },
    [Symbol.asyncDispose]() {
      disposing ??= run();
      return disposing;
    },
  };
  return cleanup;
}
