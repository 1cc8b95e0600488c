/** For tests: two streams, each of which reads what the other writes. Node 20.20 has no such pair of its own. */
import { Duplex } from 'node:stream';

export { Duplex };

export function duplexPair(): [Duplex, Duplex] {
  const waiting: Array<(() => void) | undefined> = [];
  const make = (self: 0 | 1): Duplex =>
    new Duplex({
      read() {
        waiting[self]?.();
        waiting[self] = undefined;
      },
      write(chunk, _encoding, callback) {
        const peer = self === 0 ? 1 : 0;
        if (pair[peer].destroyed || pair[peer].push(chunk)) callback();
        else waiting[peer] = callback;
      },
      final(callback) {
        const peer = pair[self === 0 ? 1 : 0];
        if (!peer.destroyed) peer.push(null);
        callback();
      },
      destroy(error, callback) {
        const peer = pair[self === 0 ? 1 : 0];
        if (!peer.destroyed && !peer.readableEnded) peer.push(null);
        callback(error);
      },
    });
  const pair: [Duplex, Duplex] = [make(0), make(1)];
  return pair;
}
