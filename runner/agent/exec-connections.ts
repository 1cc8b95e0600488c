import type { Duplex } from 'node:stream';

import type { Connect } from './operation.js';

/** More are closed: commands that run at once are rarely followed by as many. */
const MAX_IDLE = 4;

/**
 * Connections that a command has ended on, for the next one: to connect anew costs the guest several packets and as many
 * wake-ups, more than a short command itself.
 */
export class ExecConnections {
  readonly #connect: Connect;
  readonly #idle: IdleConnection[] = [];

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** One that is there, which flows, or a fresh one. */
  async take(signal: AbortSignal): Promise<Duplex> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      const stream = idle.claim();
      if (isOpen(stream)) return stream;
      discard(stream);
    }
    return this.#connect(signal);
  }

  /** Takes a connection whose command has ended. Its user must have removed all listeners. */
  giveBack(stream: Duplex): void {
    // What is still on its way was meant for that command. The agent would drop it, but until then it is in the way.
    if (!isOpen(stream) || stream.writableLength > 0 || this.#idle.length >= MAX_IDLE) {
      discard(stream);
      return;
    }
    const idle: IdleConnection = new IdleConnection(stream, () => {
      this.#idle.splice(this.#idle.indexOf(idle), 1);
    });
    this.#idle.push(idle);
  }

  /** Takes one that no other command may have. */
  drop(stream: Duplex): void {
    discard(stream);
  }

  /** Closes those that wait. */
  close(): void {
    for (const idle of this.#idle.splice(0)) discard(idle.claim());
  }
}

const isOpen = (stream: Duplex): boolean => !stream.destroyed && !stream.readableEnded;

function discard(stream: Duplex): void {
  stream.on('error', () => {}).destroy();
}

/** Nothing may come on it: whatever does is the end of it. */
class IdleConnection {
  readonly #stream: Duplex;
  readonly #onLost: () => void;
  readonly #lose = (): void => {
    discard(this.claim());
    this.#onLost();
  };

  constructor(stream: Duplex, onLost: () => void) {
    this.#stream = stream;
    this.#onLost = onLost;
    for (const event of EVENTS) stream.on(event, this.#lose);
    stream.resume();
  }

  claim(): Duplex {
    for (const event of EVENTS) this.#stream.off(event, this.#lose);
    return this.#stream;
  }
}

const EVENTS = ['data', 'end', 'close', 'error'] as const;
