import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deferred } from '../deadline.js';
import { createSlots, type Resources } from './slots.js';

const CAPACITY: Resources = { cpus: 4, memory: 1000 };

interface Job {
  need: Resources;
  /** Steps of the scheduler that the work takes. */
  steps: number;
  fails: boolean;
  /** Whether somebody cancels it, at whatever moment the scheduler chooses. */
  cancelled: boolean;
}

const jobs = fc.array(
  fc.record<Job>({
    need: fc.record({ cpus: fc.integer({ min: 1, max: 6 }), memory: fc.integer({ min: 1, max: 1000 }) }),
    steps: fc.integer({ min: 0, max: 3 }),
    fails: fc.boolean(),
    cancelled: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

describe('slots', () => {
  it('lose no wake-up and count none twice, whoever is cancelled when', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), jobs, async (scheduler, all) => {
        const slots = createSlots(CAPACITY);
        const ran = all.map(() => 0);
        let settled = 0;
        const started = all.map((job, index) => {
          const controller = new AbortController();
          const work = async () => {
            ran[index] = (ran[index] ?? 0) + 1;
            expect(slots.taken.cpus).toBeLessThanOrEqual(CAPACITY.cpus);
            expect(slots.taken.memory).toBeLessThanOrEqual(CAPACITY.memory);
            for (let step = 0; step < job.steps; step += 1)
              await scheduler.schedule(Promise.resolve(), `work ${index}`);
            if (job.fails) throw new Error('failed');
            return index;
          };
          if (job.cancelled) {
            const cancel = scheduler.schedule(Promise.resolve(), `cancel ${index}`);
            void cancel.then(() => controller.abort(new Error('cancelled')));
          }
          const begin = scheduler.schedule(Promise.resolve(), `begin ${index}`);
          return begin
            .then(() => slots.run(job.need, work, { signal: controller.signal }))
            .then(
              () => 'done',
              (error: Error) => error.message,
            )
            .finally(() => {
              settled += 1;
            });
        });
        // Until nothing more can happen: whoever still waits then has been forgotten.
        await scheduler.waitFor(Promise.all(started));
        const outcomes = await Promise.all(started);

        expect(settled).toBe(all.length);
        expect(slots.waiting).toBe(0);
        expect(slots.taken).toEqual({ cpus: 0, memory: 0 });
        for (const [index, job] of all.entries()) {
          const outcome = outcomes[index];
          if (outcome === 'cancelled') expect(job.cancelled).toBe(true);
          else expect(outcome).toBe(job.fails ? 'failed' : 'done');
          expect(ran[index]).toBe(outcome === 'cancelled' ? 0 : 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('pass a slot on when its waiter is cancelled just as it is granted', async () => {
    const slots = createSlots({ cpus: 1, memory: 100 });
    const need = { cpus: 1, memory: 1 };
    const controller = new AbortController();
    const gate = deferred<void>();
    const first = slots.run(need, () => gate.promise);
    const second = slots.run(need, async () => 'never', { signal: controller.signal });
    const third = slots.run(need, async () => 'third');
    gate.resolve();
    // Until the second one has been granted the slot; it runs one microtask later.
    while (slots.waiting === 2) await null;
    expect(slots.taken.cpus).toBe(1);
    controller.abort(new Error('cancelled'));
    await expect(second).rejects.toThrow('cancelled');
    expect(await third).toBe('third');
    await first;
  });

  it('serve in the order of asking: a large guest is not passed by small ones', async () => {
    const slots = createSlots({ cpus: 2, memory: 100 });
    const order: string[] = [];
    const gate = deferred<void>();
    const first = slots.run({ cpus: 1, memory: 60 }, () => gate.promise);
    const large = slots.run({ cpus: 1, memory: 50 }, async () => void order.push('large'));
    const small = slots.run({ cpus: 1, memory: 10 }, async () => void order.push('small'));
    expect(slots.waiting).toBe(2);
    gate.resolve();
    await Promise.all([first, large, small]);
    expect(order).toEqual(['large', 'small']);
  });

  it('serve who stood behind one that left', async () => {
    const slots = createSlots({ cpus: 2, memory: 100 });
    const controller = new AbortController();
    const gate = deferred<void>();
    const first = slots.run({ cpus: 1, memory: 60 }, () => gate.promise);
    const large = slots.run({ cpus: 1, memory: 90 }, async () => {}, { signal: controller.signal });
    const small = slots.run({ cpus: 1, memory: 10 }, async () => 'small');
    controller.abort(new Error('left'));
    await expect(large).rejects.toThrow('left');
    expect(await small).toBe('small');
    gate.resolve();
    await first;
  });

  it('give a guest with more CPUs than the host all of them, and one with more memory an error', async () => {
    const slots = createSlots({ cpus: 2, memory: 100 });
    expect(await slots.run({ cpus: 8, memory: 10 }, async () => slots.taken.cpus)).toBe(2);
    await expect(slots.run({ cpus: 1, memory: 101 }, async () => {})).rejects.toMatchObject({
      code: 'VMTEST_NO_MEMORY',
    });
    const aborted = AbortSignal.abort(new Error('before'));
    await expect(slots.run({ cpus: 1, memory: 1 }, async () => {}, { signal: aborted })).rejects.toThrow('before');
  });
});
