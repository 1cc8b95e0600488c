import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEndMarker } from './end-marker.mjs';

/** Feeds `bytes` in pieces of the given sizes, the last size again and again. */
function feed(marker: Buffer, bytes: Buffer, sizes: number[]) {
  const take = createEndMarker(marker);
  const out: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)] ?? 1;
    const { data, ended } = take(bytes.subarray(at, at + size));
    out.push(data);
    if (ended) return { data: Buffer.concat(out), ended };
    at += size;
  }
  return { data: Buffer.concat(out), ended: false };
}

describe('createEndMarker', () => {
  it('passes everything before the marker, however the stream is cut', () => {
    // Few different bytes, so that beginnings of the marker are everywhere.
    const bytes = fc.array(fc.constantFrom(97, 98), { maxLength: 40 }).map((list) => Buffer.from(list));
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    fc.assert(
      fc.property(bytes, sizes, (body, cuts) => {
        const marker = Buffer.from('aabaac');
        expect(feed(marker, Buffer.concat([body, marker, Buffer.from('later')]), cuts)).toEqual({
          data: body,
          ended: true,
        });
      }),
    );
  });

  it('holds back only what may still become the marker', () => {
    const take = createEndMarker(Buffer.from('END'));
    expect(take(Buffer.from('xyz\n')).data.toString()).toBe('xyz\n');
    expect(take(Buffer.from('prompt> E')).data.toString()).toBe('prompt> ');
    expect(take(Buffer.from('EN')).data.toString()).toBe('E');
    expect(take(Buffer.from('X')).data.toString()).toBe('ENX');
  });
});
