import { describe, expect, it } from 'vitest';
import { decodeGuestEnd, decodeMessage, decodeStats, decodeStream } from './control-messages.js';

describe('decodeMessage', () => {
  it.each([
    ['{"event":"hello","protocol":1,"version":"0.1.0","arch":"x86_64"}', { kind: 'hello' }],
    ['{"reply":7,"ok":{}}', { kind: 'ok', id: 7, ok: {} }],
    ['{"reply":1,"error":{"code":"bad-image","message":"no","subject":"kernel"}}', { kind: 'error', id: 1 }],
    ['{"reply":1,"error":{"code":"io","message":"no"}}', { failure: { code: 'io', message: 'no' } }],
    ['{"event":"vsock-accept","port":1024,"peer_port":5,"stream":0}', { kind: 'event' }],
    ['{"event":"panicked"}', { kind: 'event', event: { event: 'panicked' } }],
    ['{"event":"log","level":"warning","message":"m"}', { kind: 'event' }],
    ['{"event":"ended","reason":{"kind":"poweroff"}}', { event: { reason: { kind: 'poweroff' } } }],
  ])('reads %s', (packet, expected) => expect(decodeMessage(packet)).toMatchObject(expected));

  it.each([
    ['', /JSON/],
    ['nonsense', /JSON/],
    ['null', /expected an object/],
    ['[]', /expected an object/],
    ['7', /expected an object/],
    ['{}', /reply/],
    ['{"reply":1}', /ok/],
    ['{"reply":"1","ok":{}}', /reply: expected an integer/],
    ['{"reply":1.5,"ok":{}}', /reply: expected an integer/],
    ['{"reply":-1,"ok":{}}', /reply: expected an integer/],
    ['{"reply":9007199254740993,"ok":{}}', /reply: expected an integer/],
    ['{"reply":1,"ok":{},"more":1}', /more: unknown field/],
    ['{"reply":1,"ok":{},"__proto__":{}}', /__proto__: unknown field/],
    ['{"reply":1,"error":{"code":"io"}}', /error.message: expected a value/],
    ['{"reply":1,"error":{"code":1,"message":"m"}}', /error.code: expected a string/],
    ['{"event":"hello","protocol":1}', /version/],
    ['{"event":"party"}', /event: expected one of/],
    ['{"event":"constructor"}', /event: expected one of/],
    ['{"event":7}', /event: expected one of/],
    ['{"event":"panicked","why":"because"}', /why: unknown field/],
    ['{"event":"log","level":"fun","message":"m"}', /level: expected one of warning, error/],
    ['{"event":"vsock-accept","port":4294967296,"peer_port":5,"stream":0}', /port/],
    ['{"event":"vsock-accept","port":1,"peer_port":5,"stream":64}', /stream/],
    ['{"event":"ended","reason":{"kind":"bored"}}', /reason.kind/],
    ['{"event":"ended","reason":{"kind":"poweroff","code":1}}', /reason.code: unknown field/],
    ['{"event":"ended","reason":{"kind":"debug-exit","code":256}}', /reason.code/],
    ['{"event":"ended","reason":null}', /reason/],
  ])('refuses %s', (packet, expected) => expect(() => decodeMessage(packet)).toThrow(expected));
});

describe('decodeGuestEnd', () => {
  it.each([
    { kind: 'poweroff' },
    { kind: 'reset', by: 'cf9' },
    { kind: 'reset', by: 'psci' },
    { kind: 'panic' },
    { kind: 'triple-fault' },
    { kind: 'debug-exit', code: 255 },
    {
      kind: 'kvm-internal-error',
      suberror: 1,
      data: ['0x1'],
      registers: { rip: '0xffffffff81000000' },
      rip_bytes: '0f0b',
    },
    { kind: 'entry-failure', hardware_reason: '0x80000021' },
    { kind: 'killed' },
    { kind: 'host-error', code: 'io', message: 'm' },
  ])('reads $kind', (end) => expect(decodeGuestEnd(end, '')).toEqual(end));
});

describe('answers', () => {
  it('are read strictly', () => {
    expect(decodeStream({ stream: 0 }, 'ok')).toEqual({ stream: 0 });
    expect(() => decodeStream({}, 'ok')).toThrow('ok.stream');
    const stats = {
      exits: { io: 1, mmio: 2 },
      vcpus: [{ io: 1, mmio: 2 }],
      queues: { 'blk0.0': { popped: 1, pushed: 1, notified: 1, signalled: 1 } },
      vsock: { connections: 1, rx_bytes: 2, tx_bytes: 3, resets: 0 },
    };
    expect(decodeStats(stats, 'ok')).toEqual(stats);
    expect(() => decodeStats({ ...stats, exits: { io: -1 } }, 'ok')).toThrow('ok.exits.io');
    expect(() => decodeStats({ ...stats, queues: { q: { popped: 1 } } }, 'ok')).toThrow('ok.queues.q.pushed');
  });
});
