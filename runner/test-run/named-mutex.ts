/**
 * One process at a time, by a name in the kernel: an abstract Unix socket (unix(7)), which is gone with the process that has it,
 * however that ends. It reaches as far as the network namespace does.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 5;

/** Runs `use` while nobody else has the name. Waits as long as somebody has it: `use` is to be short. */
export async function withNamedMutex<T>(name: string, use: () => Promise<T>): Promise<T> {
  let server = await tryListen(name);
  while (server === undefined) {
    await sleep(RETRY_MS);
    server = await tryListen(name);
  }
  try {
    return await use();
  } finally {
    const closed = once(server, 'close');
    server.close();
    await closed;
  }
}

async function tryListen(name: string): Promise<Server | undefined> {
  const server = createServer();
  server.listen(`\0${name}`);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
