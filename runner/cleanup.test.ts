import { describe, expect, it } from 'vitest';
import { createCleanup } from './cleanup.js';

describe('createCleanup', () => {
  it('undoes in reverse order, once', async () => {
    const order: number[] = [];
    const cleanup = createCleanup();
    cleanup.defer(() => void order.push(1));
    cleanup.defer(async () => void order.push(2));
    await cleanup[Symbol.asyncDispose]();
    await cleanup[Symbol.asyncDispose]();
    expect(order).toEqual([2, 1]);
  });

  it('undoes the rest when one fails, then reports it', async () => {
    const order: number[] = [];
    const cleanup = createCleanup();
    cleanup.defer(() => void order.push(1));
    cleanup.defer(() => {
      throw new Error('cannot undo');
    });
    await expect(cleanup[Symbol.asyncDispose]()).rejects.toThrow('cannot undo');
    expect(order).toEqual([1]);
  });

  it('hands over to a new owner', async () => {
    const order: number[] = [];
    const first = createCleanup();
    first.defer(() => void order.push(1));
    const second = first.move();
    await first[Symbol.asyncDispose]();
    expect(order).toEqual([]);
    await second[Symbol.asyncDispose]();
    expect(order).toEqual([1]);
  });

  it('works with await using', async () => {
    const order: string[] = [];
    {
      await using cleanup = createCleanup();
      cleanup.defer(() => void order.push('undone'));
      order.push('used');
    }
    expect(order).toEqual(['used', 'undone']);
  });
});
