/** Messages of `vmtest-vmm` on fd 3, checked field by field: docs/control-protocol.md. */
import type { GuestEnd, GuestStats } from '../guest.js';
import { arrayOf, type Decoder, integer, literal, object, oneOf, recordOf, tagged, text } from './decode.js';

/** The protocol that this host speaks. */
export const PROTOCOL_VERSION = 1;
/** The largest packet, in bytes. */
export const MAX_PACKET_BYTES = 64 * 1024;

const port = integer(0, 0xffff_ffff);
/** The index of a descriptor in its packet. */
const descriptor = integer(0, 63);

const ends = {
  poweroff: object({ kind: literal('poweroff') }),
  reset: object({ kind: literal('reset'), by: oneOf('i8042', 'acpi', 'cf9', 'psci') }),
  panic: object({ kind: literal('panic') }),
  'triple-fault': object({ kind: literal('triple-fault') }),
  'debug-exit': object({ kind: literal('debug-exit'), code: integer(0, 255) }),
  'kvm-internal-error': object({
    kind: literal('kvm-internal-error'),
    suberror: integer(),
    data: arrayOf(text),
    registers: recordOf(text),
    rip_bytes: text,
  }),
  'entry-failure': object({ kind: literal('entry-failure'), hardware_reason: text }),
  killed: object({ kind: literal('killed') }),
  'host-error': object({ kind: literal('host-error'), code: text, message: text }),
};
export const decodeGuestEnd: Decoder<GuestEnd> = tagged('kind', ends);

/** Also what the vsock device of a guest under QEMU says when QEMU has left. */
const decodeEnd = tagged('kind', {
  ...ends,
  'front-end-gone': object({ kind: literal('front-end-gone') }),
});

const decodeHello = object({ event: literal('hello'), protocol: integer(), version: text, arch: text });

const decodeEvent = tagged('event', {
  'vsock-accept': object({ event: literal('vsock-accept'), port, peer_port: port, stream: descriptor }),
  panicked: object({ event: literal('panicked') }),
  log: object({ event: literal('log'), level: oneOf('warning', 'error'), message: text }),
  ended: object({ event: literal('ended'), reason: decodeEnd }),
});

const decodeFailure = object({ code: text, message: text }, { subject: text });

export type Hello = ReturnType<typeof decodeHello>;
export type VmmEvent = ReturnType<typeof decodeEvent>;
/** Why a request was refused. */
export type VmmFailure = ReturnType<typeof decodeFailure>;

export type VmmMessage =
  | { kind: 'hello'; hello: Hello }
  | { kind: 'event'; event: VmmEvent }
  | { kind: 'ok'; id: number; ok: unknown }
  | { kind: 'error'; id: number; failure: VmmFailure };

/** Reads one packet; throws an `Error` that says what is wrong with it. */
export function decodeMessage(packet: string): VmmMessage {
  const value: unknown = JSON.parse(packet);
  if (typeof value !== 'object' || value === null) throw new Error('message: expected an object');
  if ('event' in value) {
    if (value.event === 'hello') return { kind: 'hello', hello: decodeHello(value, '') };
    return { kind: 'event', event: decodeEvent(value, '') };
  }
  if ('error' in value) {
    const { reply, error } = object({ reply: integer(0), error: decodeFailure })(value, '');
    return { kind: 'error', id: reply, failure: error };
  }
  const { reply, ok } = object({ reply: integer(0), ok: (v: unknown) => v })(value, '');
  return { kind: 'ok', id: reply, ok };
}

/** The answer of a request that says nothing more. */
export const decodeNothing = object({});
/** The answer that carries one descriptor. */
export const decodeStream = object({ stream: descriptor });

const counters = recordOf(integer());
const queue = object({ popped: integer(), pushed: integer(), notified: integer(), signalled: integer() });

export const decodeStats: Decoder<GuestStats> = object({
  exits: counters,
  vcpus: arrayOf(counters),
  queues: recordOf(queue),
  vsock: object({ connections: integer(), rx_bytes: integer(), tx_bytes: integer(), resets: integer() }),
});
