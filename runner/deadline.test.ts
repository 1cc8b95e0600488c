import { describe, expect, it } from 'vitest';
import { settledWithin, withLimits } from './deadline.js';

const never = new Promise<never>(() => {});

describe('withLimits', () => {
  it('passes a value and a rejection on', async () => {
    await expect(withLimits(Promise.resolve(1), { timeoutMs: 60_000 })).resolves.toBe(1);
    await expect(withLimits(Promise.reject(new Error('no')), {})).rejects.toThrow('no');
  });

  it('rejects with the error of the caller when the limit is reached', async () => {
    await expect(withLimits(never, { timeoutMs: 1, onTimeout: () => new Error('too late') })).rejects.toThrow(
      'too late',
    );
  });

  it('rejects with the reason of the signal, before and after the call', async () => {
    const early = new AbortController();
    early.abort(new Error('stopped'));
    await expect(withLimits(never, { signal: early.signal })).rejects.toThrow('stopped');
    const late = new AbortController();
    const waiting = withLimits(never, { signal: late.signal });
    late.abort(new Error('stopped later'));
    await expect(waiting).rejects.toThrow('stopped later');
  });
});

describe('settledWithin', () => {
  it('says whether the promise came in time', async () => {
    expect(await settledWithin(Promise.resolve(), 60_000)).toBe(true);
    expect(await settledWithin(Promise.reject(new Error('no')), 60_000)).toBe(true);
    expect(await settledWithin(never, 1)).toBe(false);
  });
});
