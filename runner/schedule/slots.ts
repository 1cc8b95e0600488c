/**
 * Slots: how many guests run at once, by the CPUs and the memory that they take of the host.
 *
 * Who waits is served in the order of asking: a large guest is not passed by small ones for ever. A slot belongs to a function
 * and never to a value, so it cannot be lost between two owners: whatever happens while it is granted, it is given back
 * when the function has ended.
 */
import { abortReason } from '../deadline.js';
import { VmtestError } from '../errors.js';

/** What a guest takes, or a host has. */
export interface Resources {
  cpus: number;
  /** MiB. */
  memory: number;
}

export interface SlotOptions {
  /** Ends the waiting at any moment; the work itself has to look at it on its own. */
  signal?: AbortSignal | undefined;
}

export interface Slots {
  /**
   * Runs `work` as soon as there is room for it, and gives the room back when it has ended, in whatever way. More CPUs than the
   * host has mean all of them. Rejects with the signal's reason when that comes before the work has begun, and with
   * `VMTEST_NO_MEMORY` when there will never be enough.
   */
  run<T>(need: Resources, work: () => Promise<T>, options?: SlotOptions): Promise<T>;
  /** What running work has taken. */
  readonly taken: Readonly<Resources>;
  /** How many wait. */
  readonly waiting: number;
}

interface Waiter {
  need: Resources;
  grant: () => void;
}

export function createSlots(capacity: Resources): Slots {
  const taken: Resources = { cpus: 0, memory: 0 };
  const queue = new Set<Waiter>();

  const fits = (need: Resources): boolean =>
    taken.cpus + need.cpus <= capacity.cpus && taken.memory + need.memory <= capacity.memory;
  const take = (need: Resources): void => {
    taken.cpus += need.cpus;
    taken.memory += need.memory;
  };
  /** Every change that can make room, or the way to it, ends here; so no wake-up can be forgotten. */
  const serve = (): void => {
    for (const waiter of queue) {
      if (!fits(waiter.need)) return;
      queue.delete(waiter);
      // Taken before the waiter knows: until it runs, the room is not anybody else's.
      take(waiter.need);
      waiter.grant();
    }
  };
  const giveBack = (need: Resources): void => {
    taken.cpus -= need.cpus;
    taken.memory -= need.memory;
    serve();
  };

  /** Resolves with the room taken; rejects with none taken. */
  const wait = (need: Resources, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const waiter: Waiter = {
        need,
        grant: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = (): void => {
        queue.delete(waiter);
        reject(abortReason(signal as AbortSignal));
        // It may have stood before others that fit.
        serve();
      };
      signal?.addEventListener('abort', leave, { once: true });
      queue.add(waiter);
      serve();
    });

  return {
    async run(asked, work, { signal } = {}) {
      if (asked.memory > capacity.memory) throw noMemory(asked, capacity);
      const need = { cpus: Math.min(asked.cpus, capacity.cpus), memory: asked.memory };
      if (signal?.aborted) throw abortReason(signal);
      await wait(need, signal);
      try {
        // Cancelled between the grant and here: the room is passed on.
        if (signal?.aborted) throw abortReason(signal);
        return await work();
      } finally {
        giveBack(need);
      }
    },
    taken,
    get waiting() {
      return queue.size;
    },
  };
}

function noMemory(need: Resources, capacity: Resources): VmtestError {
  const message = `a guest takes ${need.memory} MiB, and there are ${capacity.memory} MiB for guests on this machine`;
  return new VmtestError('VMTEST_NO_MEMORY', `${message}; give it less memory`);
}
