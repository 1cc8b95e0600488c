import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFaultDetector, findFaults } from './detector.js';
import type { Fault } from './fault.js';
import { createLineReader } from './lines.js';
import { asPrinted, EXCERPTS } from './testing/excerpts.js';

const excerpt = fc.constantFrom(...EXCERPTS);

function inPieces(bytes: Buffer, cuts: readonly number[]): Fault[] {
  const faults: Fault[] = [];
  const detector = createFaultDetector({ onFault: (fault) => faults.push(fault) });
  const reader = createLineReader(detector.line);
  let from = 0;
  for (const cut of [...cuts].map((at) => at % (bytes.length + 1)).sort((a, b) => a - b)) {
    reader.write(bytes.subarray(from, cut));
    from = cut;
  }
  reader.write(bytes.subarray(from));
  reader.end();
  detector.end();
  return faults.sort((a, b) => a.line - b.line);
}

describe('whatever the console brings', () => {
  it('does not depend on where the chunks end', () => {
    const junk = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\x1b[1;31m€\r'), fc.constant('x'.repeat(5000)));
    fc.assert(
      fc.property(fc.array(fc.oneof(excerpt, junk)), fc.array(fc.nat()), (parts, cuts) => {
        const log = parts.map((part) => (typeof part === 'string' ? `${part}\n` : asPrinted(part.lines))).join('');
        const bytes = Buffer.from(log);
        expect(inPieces(bytes, cuts)).toEqual(findFaults(bytes));
      }),
    );
  });

  it('never throws, and keeps little', () => {
    const word = fc.constantFrom(
      'BUG: ',
      '[    1.0] ',
      '\n',
      'Call Trace:\n',
      ' foo+0x1/0x2\n',
      '\r',
      '\x1b[',
      '====',
      '(',
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }).map((array) => Buffer.from(array)),
      fc
        .array(
          fc.oneof(
            word,
            fc.string(),
            excerpt.map(({ lines }) => lines.slice(0, 300)),
          ),
        )
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, (log) => {
        for (const fault of findFaults(log)) {
          expect(fault.title.length).toBeLessThanOrEqual(200);
          expect(fault.title).not.toBe('');
          expect(fault.fingerprint).toMatch(/^[\da-f]{16}$/);
        }
      }),
    );
  });

  it('finds a fault between ordinary lines', () => {
    const ordinary = fc.constantFrom(
      'virtio_blk virtio1: [vda] 8 512-byte logical blocks',
      'systemd[1]: Started something.',
      'random: crng init done',
      'Spectre V2 : WARNING: Unprivileged eBPF is enabled',
    );
    fc.assert(
      fc.property(excerpt, fc.array(fc.tuple(fc.nat(40), fc.constantFrom('T9', 'user'), ordinary)), (entry, others) => {
        const lines = asPrinted(entry.lines, 12.5, 'T77').split('\r\n').filter(Boolean);
        for (const [at, who, text] of others) {
          const line = who === 'user' ? text : `[   12.500000][    T9] ${text}`;
          lines.splice(1 + (at % lines.length), 0, line);
        }
        const faults = findFaults(lines.join('\n'));
        expect(faults.map(({ title }) => title)).toEqual([entry.title]);
        expect(faults[0]?.trace.join('\n').trim()).toBe(findFaults(asPrinted(entry.lines))[0]?.trace.join('\n').trim());
      }),
    );
  });

  it('finds the same fault where nobody tells the callers apart', () => {
    const other = '[   12.500000] virtio_blk virtio1: [vda] 8 512-byte logical blocks';
    fc.assert(
      fc.property(excerpt, fc.array(fc.nat(40), { maxLength: 20 }), (entry, places) => {
        const lines = asPrinted(entry.lines).split('\r\n').filter(Boolean);
        for (const at of places) lines.splice(1 + (at % lines.length), 0, other);
        const faults = findFaults(lines.join('\n'));
        expect(faults.map(({ type, line }) => [type, line > 0])).toContainEqual([entry.type, true]);
      }),
    );
  });
});

describe('memory', () => {
  it('does not grow with the console', () => {
    const detector = createFaultDetector();
    const reader = createLineReader(detector.line);
    const chunk = Buffer.from(asPrinted(EXCERPTS.map(({ lines }) => lines).join('\n'), 12.5, 'T77'));
    const endless = Buffer.alloc(2 ** 16, 0x61);
    let callers = 0;
    const begin = () => Buffer.from(`\n[   12.500000][T${callers++}] BUG: KASAN: use-after-free in foo+0x1/0x2\n`);
    for (let i = 0; i < 200; i += 1) {
      for (const bytes of [chunk, endless, begin()]) reader.write(bytes);
      // What is kept is what is open, and the line that is not finished.
      expect(detector.open().length).toBeLessThanOrEqual(32);
      expect(reader.rest().length).toBeLessThanOrEqual(4096);
    }
  });
});
