import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLineStamper } from './stamp-lines.js';

test('each line has the time at which its first byte came', () => {
  let now = 0;
  const stamper = createLineStamper(() => now);
  expect(stamper.write(Buffer.from('on')).toString()).toBe('');
  now = 1000;
  expect(stamper.write(Buffer.from('e\ntwo\nthr')).toString()).toBe(
    '[1970-01-01T00:00:00.000Z] one\n[1970-01-01T00:00:01.000Z] two\n',
  );
  now = 2000;
  expect(stamper.end().toString()).toBe('[1970-01-01T00:00:01.000Z] thr\n');
  expect(stamper.end().length).toBe(0);
});

test('nothing is lost, however it is cut', () => {
  const stamp = '[1970-01-01T00:00:00.000Z] ';
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.string(), (chunks, end) => {
      const all = [...chunks.map((chunk) => Buffer.from(chunk)), Buffer.from(`${end}\n`)];
      const stamper = createLineStamper(() => 0);
      const written = Buffer.concat([...all.map((chunk) => stamper.write(chunk)), stamper.end()]).toString('latin1');
      const lines = Buffer.concat(all).toString('latin1').split('\n').slice(0, -1);
      expect(written).toBe(lines.map((line) => `${stamp}${line}\n`).join(''));
    }),
  );
});

test('a line without end comes in pieces', () => {
  const stamper = createLineStamper(() => 0);
  const written = stamper.write(Buffer.alloc(200_000, 'x')).toString();
  expect(written.split('\n').length).toBe(4);
});
