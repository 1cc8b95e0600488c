import { expect, test } from 'vitest';
import { endWaiters } from './end-waiters.js';

test('all who wait are told, also those who come late', async () => {
  let finish: (end: string) => void = () => {};
  const wait = endWaiters(
    new Promise<string>((resolve) => {
      finish = resolve;
    }),
  );
  const [first, second] = [wait(), wait()];
  finish('over');
  expect(await Promise.all([first.end, second.end])).toEqual(['over', 'over']);
  expect(await wait().end).toBe('over');
});

test('who has gone is not told', async () => {
  let finish: (end: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const waiter = endWaiters(ended)();
  waiter.forget();
  finish('over');
  await ended;
  expect(await Promise.race([waiter.end, new Promise((resolve) => setImmediate(resolve, 'silence'))])).toBe('silence');
});
