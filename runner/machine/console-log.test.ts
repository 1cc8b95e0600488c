import { describe, expect, it } from 'vitest';
import { createConsoleLog } from './console-log.js';

const bytes = (text: string) => Buffer.from(text);

describe('createConsoleLog', () => {
  it('passes every byte on and keeps the last lines', () => {
    const seen: Buffer[] = [];
    const log = createConsoleLog({ sink: (chunk) => seen.push(chunk), keptLines: 2 });
    log.write(bytes('one\r\ntw'));
    log.write(bytes('o\r\nthree\r\nfour'));
    expect(Buffer.concat(seen).toString()).toBe('one\r\ntwo\r\nthree\r\nfour');
    expect(log.tail(10)).toEqual(['two', 'three', 'four']);
    expect(log.tail(1)).toEqual(['four']);
  });

  it('cleans escape sequences, control characters and characters that came in two halves', () => {
    const log = createConsoleLog();
    const euro = bytes('€\n');
    log.write(bytes('\x1b[1;31mred\x1b[0m\x07\x1bc '));
    log.write(euro.subarray(0, 1));
    log.write(euro.subarray(1));
    expect(log.tail(1)).toEqual(['red €']);
  });

  it('reports a panic once, whatever the pieces it comes in', () => {
    const panics: string[] = [];
    const log = createConsoleLog({ onPanic: (line) => panics.push(line) });
    for (const char of '[ 1.0] Kernel panic - not syncing: a\n[ 1.1] Kernel panic - not syncing: b\n') {
      log.write(bytes(char));
    }
    expect(panics).toEqual(['[ 1.0] Kernel panic - not syncing: a']);
    expect(log.panic).toBe(panics[0]);
  });

  it('collects splats, a bounded number of them', () => {
    const log = createConsoleLog();
    for (let i = 0; i < 150; i += 1) log.write(bytes(`[ ${i}.0] BUG: number ${i}\nnothing\n`));
    expect(log.splats).toHaveLength(100);
    expect(log.splats[0]).toBe('[ 0.0] BUG: number 0');
  });

  it('tells of faults whose reports are complete, and of those that are not', () => {
    const log = createConsoleLog();
    log.write(bytes('[ 1.0] foo: loading out-of-tree module taints kernel.\n'));
    log.write(bytes('[ 2.0] WARNING: CPU: 0 PID: 1 at kernel/a.c:1 one+0x1/0x2\n[ 2.1] ---[ end trace 0 ]---\n'));
    log.write(bytes('[ 3.0] WARNING: CPU: 0 PID: 1 at kernel/b.c:2 two+0x1/0x2\n'));
    expect(log.faults.map(({ title }) => title)).toEqual(['taint: module foo', 'WARNING in one', 'WARNING in two']);
    expect(log.splats).toHaveLength(2);
  });

  it('cuts an endless line', () => {
    const log = createConsoleLog();
    for (let i = 0; i < 100; i += 1) log.write(Buffer.alloc(1024, 0x61));
    expect(log.tail(1)[0]?.length).toBe(4096);
  });
});
