/** Descriptors of ours as Node streams. */
import { Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';

/** One end of a socketpair, which can be half closed like the vsock connection that it stands for. */
export const openStream = (fd: number): Socket =>
  new Socket({ fd, allowHalfOpen: true, readable: true, writable: true });

/**
 * Waits until everything was read that the other end had written before. `vmtest-vmm` writes the last
 * console bytes before it says `ended`, but on another descriptor: a turn of the event loop that reads
 * nothing more says that the socket is empty.
 */
export async function drain(stream: Socket): Promise<void> {
  for (let before = -1; before !== stream.bytesRead; ) {
    before = stream.bytesRead;
    await immediate();
    await immediate();
  }
}

/** Reads until the other end is gone, for whatever reason; never rejects. */
export function readAll(stream: Socket, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve) => {
    stream.on('data', onChunk);
    stream.on('error', () => {});
    stream.on('end', () => resolve());
    stream.on('close', () => resolve());
  });
}
