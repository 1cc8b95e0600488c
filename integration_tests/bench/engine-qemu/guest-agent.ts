/**
 * QEMU's own guest agent (docs/interop/qemu-ga.rst of QEMU), which is how commands usually run over a virtio-serial port: with
 * their exit code and both outputs, as an exec of ours has them, where a shell on the port has neither.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Cleanup } from '../../../runner/cleanup.js';
import { cacheRoot } from '../../../runner/images/cache.js';
import type { CpioEntry, CpioTree } from '../../../runner/images/cpio.js';
import { fetchPackage } from '../../../runner/images/debian.js';

const FOLDER = 'bench/guest-agent';
const LOADER = 'ld-linux-x86-64.so.2';

/** What the program is linked with, and these in turn, by package. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  'qemu-guest-agent': ['usr/sbin/qemu-ga'],
  libc6: [LOADER, 'libc.so.6', 'libm.so.6'].map((name) => `lib/x86_64-linux-gnu/${name}`),
  libudev1: ['usr/lib/x86_64-linux-gnu/libudev.so.1'],
  libnuma1: ['usr/lib/x86_64-linux-gnu/libnuma.so.1'],
  liburing2: ['usr/lib/x86_64-linux-gnu/liburing.so.2'],
  'libglib2.0-0': ['libglib-2.0.so.0', 'libgmodule-2.0.so.0'].map((name) => `usr/lib/x86_64-linux-gnu/${name}`),
  'libpcre2-8-0': ['usr/lib/x86_64-linux-gnu/libpcre2-8.so.0'],
};

/** Serves the port `$1`; for a shell whose own descriptors of it are closed, because only one may be open. */
export const GUEST_AGENT_COMMAND = `/${FOLDER}/${LOADER} --library-path /${FOLDER} /${FOLDER}/qemu-ga -m virtio-serial -t /tmp -f /tmp/ga.pid -p`;

export async function guestAgentTree(cleanup: Cleanup): Promise<CpioTree> {
  const cache = { root: cacheRoot(process.env), cleanup };
  const tree = new Map<string, CpioEntry>();
  for (const [name, paths] of Object.entries(FILES)) {
    const { root } = await fetchPackage(cache, name, { arch: 'x86_64' });
    for (const path of paths) {
      // Follows the link that a library's name is.
      const data = await readFile(join(root, path));
      tree.set(join(FOLDER, basename(path)), { type: 'file', data, mode: 0o755 });
    }
  }
  return tree;
}

export interface GuestAgent {
  /** Milliseconds from the request until the exit code is known, asked for without a pause. */
  runTrue(): Promise<number>;
}

export interface Lines {
  send(line: string): void;
  next(): Promise<string>;
}

const RESEND_MS = 500;

/** What is sent before the agent has the port is lost, so this is repeated, and the answer to the last one waited for. */
async function synchronise(lines: Lines): Promise<void> {
  let id = 0;
  const send = (): void => {
    id += 1;
    lines.send(JSON.stringify({ execute: 'guest-sync', arguments: { id } }));
  };
  send();
  const timer = setInterval(send, RESEND_MS);
  await lines.next().finally(() => clearInterval(timer));
  send();
  while (JSON.parse(await lines.next()).return !== id);
}

/** Waits until it answers: it is being started. */
export async function connectGuestAgent(lines: Lines): Promise<GuestAgent> {
  const request = async (execute: string, args?: object): Promise<Record<string, unknown>> => {
    lines.send(JSON.stringify({ execute, arguments: args }));
    const answer = JSON.parse(await lines.next());
    if (answer.return === undefined) throw new Error(`the guest agent refused ${execute}: ${JSON.stringify(answer)}`);
    return answer.return;
  };
  await synchronise(lines);
  return {
    async runTrue() {
      const start = performance.now();
      const { pid } = await request('guest-exec', { path: '/bin/true', 'capture-output': true });
      let status = await request('guest-exec-status', { pid });
      while (status['exited'] !== true) status = await request('guest-exec-status', { pid });
      if (status['exitcode'] !== 0) throw new Error(`true ended with ${JSON.stringify(status)}`);
      return performance.now() - start;
    },
  };
}
