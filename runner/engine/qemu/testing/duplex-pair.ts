/** Two streams, each of which reads what is written to the other: `stream.duplexPair`, which Node 20 lacks. */
import { Duplex } from 'node:stream';

export function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [0, 1].map(
    (index) =>
      new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
          ends[1 - index]?.push(chunk);
          done();
        },
        destroy(error, done) {
          ends[1 - index]?.push(null);
          done(error);
        },
      }),
  );
  return ends as [Duplex, Duplex];
}
