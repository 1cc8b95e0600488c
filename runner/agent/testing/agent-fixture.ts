/** For tests: the real agent as an ordinary process of the host, on Unix sockets in the place of vsock. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';

import { AgentClient } from '../client.js';
import type { AgentHello } from '../messages.js';

/** The binary that is tested. */
export const AGENT_PATH = resolve(process.env['VMTEST_AGENT'] ?? 'build/release/agent/vmtest-agent');

export interface TestAgent extends AsyncDisposable {
  client: AgentClient;
  hello: AgentHello;
  /** The ready stream. */
  ready: Socket;
  /** The agent's process on the host. */
  pid: number;
  process: ChildProcess;
  /** A directory of this agent's own. */
  directory: string;
  /** A raw connection to the agent's port. */
  connect: () => Promise<Socket>;
  /** The next time that the agent dials. */
  nextDial: () => Promise<Socket>;
  /** Waits until nothing of earlier operations is left: no child, no zombie, no descriptor. */
  expectIdle: () => Promise<void>;
}

export interface TestAgentOptions {
  /** Runs the agent as the first process of this file system, in namespaces of its own; it has `/init` and `/run`. */
  initIn?: string;
}

function waitForDial(server: ReturnType<typeof createServer>, child: ChildProcess): Promise<Socket> {
  return new Promise((fulfil, reject) => {
    server.once('connection', fulfil);
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${AGENT_PATH} ended early: ${code ?? signal}`)));
  });
}

export async function startAgent({ initIn }: TestAgentOptions = {}): Promise<TestAgent> {
  const directory = await mkdtemp(join(initIn ?? tmpdir(), 'vmtest-agent-'));
  const listen = join(directory, 'guest.sock');
  const dial = join(directory, 'host.sock');
  const inside = (path: string): string => (initIn === undefined ? path : path.slice(initIn.length));
  const unshare = ['unshare', '--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child'];
  const server = createServer();
  server.listen(dial);
  await once(server, 'listening');
  const start = initIn === undefined ? [AGENT_PATH] : [...unshare, `--root=${initIn}`, '/init'];
  const [program = '', ...rest] = [...start, '--unix-listen', inside(listen), '--unix-dial', inside(dial)];
  const child = spawn(program, rest, {
    stdio: ['ignore', 'inherit', 'inherit'],
    // A build with the sanitizer would otherwise keep what was freed, and look like a leak.
    env: { ...process.env, ASAN_OPTIONS: 'quarantine_size_mb=1' },
  });
  const ready = await waitForDial(server, child);
  const open = async (): Promise<Socket> => {
    const socket = connect(listen);
    await once(socket, 'connect');
    return socket;
  };
  const client = new AgentClient({ connect: open });
  const hello = await client.waitReady(ready);
  const pid = child.pid ?? 0;
  const idleDescriptors = (await readdir(`/proc/${pid}/fd`)).length;
  return {
    client,
    hello,
    ready,
    pid,
    process: child,
    directory,
    connect: open,
    nextDial: () => waitForDial(server, child),
    async expectIdle() {
      client.closeIdle();
      await expect
        .poll(async () => (await readdir(`/proc/${pid}/fd`)).length, { timeout: 20_000 })
        .toBe(idleDescriptors);
      await expect.poll(() => readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'), { timeout: 20_000 }).toBe('');
    },
    async [Symbol.asyncDispose]() {
      child.removeAllListeners('exit');
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill(initIn === undefined ? 'SIGTERM' : 'SIGKILL');
        const [code] = await ended;
        // A sanitizer's build tells of leaks here.
        if (initIn === undefined) expect(code).toBe(0);
      }
      ready.destroy();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const isRoot = process.getuid?.() === 0;
