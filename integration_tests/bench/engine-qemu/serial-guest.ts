/**
 * The same QEMU with a virtio-serial port in the place of its vsock device: what a guest costs to talk to that way.
 *
 * - Same in both: QEMU and its arguments but for that one device, on the same bus and transport; kernel; archive; our end is
 *   a socketpair that Node reads and writes.
 * - In the guest of ours PID 1 is the agent: a connection for each command, whose streams come apart and under flow control.
 * - Here PID 1 is a shell, the least that can do with a port: one command at a time, started when its line comes, a line in
 *   answer when it has ended. As with the agent, a process besides the command stands between it and the transport, and
 *   what it reads and writes goes through a pipe: that of the answers is `cat`.
 */
import type { Duplex } from 'node:stream';
import { type Cleanup, createCleanup } from '../../../runner/cleanup.js';
import type { GuestSpec } from '../../../runner/engine/guest.js';
import { loadAddon } from '../../../runner/engine/native/addon.js';
import { openFiles } from '../../../runner/engine/native/configure.js';
import { lastWords } from '../../../runner/engine/native/last-words.js';
import { openStream, readAll } from '../../../runner/engine/native/streams.js';
import { qemuArguments } from '../../../runner/engine/qemu/arguments.js';
import { FIRST_FD, startQemu } from '../../../runner/engine/qemu/process.js';
import { startQmp } from '../../../runner/engine/qemu/qmp.js';
import { connectGuestAgent, GUEST_AGENT_COMMAND, type GuestAgent } from './guest-agent.js';

/** Where the shell is in the archive of both guests; the kernel is told to start it here. */
export const SERIAL_INIT = 'bench/serial-init';

/**
 * `true`: runs it. `take N`: reads N blocks of 64 KiB from the port. `give N`: writes them. Each is answered by a line.
 * `agent`: hands the port over to QEMU's guest agent.
 * The terminal's discipline is not in the way: a virtio-serial port is no terminal.
 */
export const SERIAL_PROGRAM = `#!/bin/sh
mount -t devtmpfs dev /dev
while read -r module; do insmod "$module"; done </vmtest/modules.list
set -- /dev/vport*p1
until (: <>"$1") 2>/dev/null; do sleep 0.1; set -- /dev/vport*p1; done
exec 0<>"$1" 1>&0
echo ready
while read -r what count; do
  case "$what" in
    true) /bin/true ;;
    take) dd bs=64k count="$count" iflag=fullblock 2>/dev/null | cat >/dev/null ;;
    give) dd if=/dev/zero bs=64k count="$count" 2>/dev/null | cat ;;
    agent) exec 0</dev/null 1>/dev/console 2>&1; ${GUEST_AGENT_COMMAND} "$1" ;;
  esac
  echo "$?"
done
`;

export interface SerialGuest extends AsyncDisposable {
  /** Milliseconds from a line to its answer. */
  runTrue(): Promise<number>;
  /** MiB per second. */
  take(mib: number): Promise<number>;
  give(mib: number): Promise<number>;
  /** Nothing else can be asked for afterwards. */
  startGuestAgent(): Promise<GuestAgent>;
}

export interface SerialOptions {
  qemu: string;
  tscKhz: number | undefined;
}

const BLOCK = 64 * 1024;
const MIB = 1024 * 1024;

export async function bootSerial(spec: GuestSpec, options: SerialOptions): Promise<SerialGuest> {
  await using cleanup = createCleanup();
  const port = await start(spec, options, cleanup);
  const lines = reader(port);
  await lines.answer('ready');
  const owned = cleanup.move();
  return {
    async runTrue() {
      const start = performance.now();
      port.write('true\n');
      await lines.answer('0');
      return performance.now() - start;
    },
    async take(mib) {
      const chunk = Buffer.alloc(BLOCK);
      const start = performance.now();
      port.write(`take ${(mib * MIB) / BLOCK}\n`);
      for (let sent = 0; sent < mib * MIB; sent += chunk.length) {
        if (!port.write(chunk)) await new Promise((resolve) => port.once('drain', resolve));
      }
      await lines.answer('0');
      return mib / ((performance.now() - start) / 1000);
    },
    async give(mib) {
      const start = performance.now();
      port.write(`give ${(mib * MIB) / BLOCK}\n`);
      await lines.skip(mib * MIB);
      await lines.answer('0');
      return mib / ((performance.now() - start) / 1000);
    },
    startGuestAgent() {
      port.write('agent\n');
      return connectGuestAgent({ send: (line) => void port.write(`${line}\n`), next: lines.next });
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/** Our end of the port, of a guest that runs. */
async function start(spec: GuestSpec, { qemu, tscKhz }: SerialOptions, cleanup: Cleanup): Promise<Duplex> {
  const addon = loadAddon();
  await using theirs = createCleanup();
  const fds: number[] = [];
  const give = (fd: number): number => FIRST_FD + fds.push(fd) - 1;
  const pair = () => {
    const [ours, other] = addon.streamPair();
    theirs.defer(() => addon.closeFd(other));
    const stream = openStream(ours);
    cleanup.defer(() => void stream.destroy());
    return { stream, inherited: give(other) };
  };
  const files = await openFiles(spec, addon, { cleanup: theirs });
  const [monitor, console, port] = [pair(), pair(), pair()];
  const words = lastWords();
  void readAll(console.stream, words.add);
  const qmp = startQmp(monitor.stream, { onEvent: () => {} });
  const inherited = {
    qmp: monitor.inherited,
    console: console.inherited,
    vsock: port.inherited,
    kernel: give(files.kernel),
    initrd: files.initrd === undefined ? undefined : give(files.initrd),
    disks: [],
    mounts: [],
  };
  const cmdline = `${spec.cmdline} rdinit=/${SERIAL_INIT}`;
  const args = withPort(qemuArguments({ ...spec, cmdline }, { files: inherited, tscKhz }));
  const child = await startQemu(qemu, args, { fds, env: {} });
  cleanup.defer(async () => {
    child.kill();
    await child.exited;
  });
  // Whoever waits for an answer hears of it; nobody else needs to.
  port.stream.on('error', () => {});
  void child.exited.then(({ stderr }) => port.stream.destroy(new Error(`QEMU ended: ${stderr} ${words.text()}`)));
  await qmp.negotiate();
  await qmp.execute('cont');
  return port.stream;
}

/** The device at the place of the vsock device, with a port that has that device's socket. */
function withPort(args: readonly string[]): string[] {
  const vsock = 'vhost-user-vsock-device,chardev=vsock,';
  const at = args.findIndex((arg) => arg.startsWith(vsock));
  const bus = args[at]?.slice(vsock.length);
  if (bus === undefined) throw new Error('QEMU was given no vsock device');
  const port = ['-device', 'virtserialport,chardev=vsock,bus=serial.0,name=bench'];
  return [...args.slice(0, at), `virtio-serial-device,id=serial,${bus}`, ...port, ...args.slice(at + 1)];
}

/** What comes out of the port, by lines or by so many bytes. */
function reader(port: Duplex) {
  let rest: Buffer = Buffer.alloc(0);
  const more = (): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        port.off('data', onData).off('error', onEnd).off('close', onEnd).pause();
        settle();
      };
      const onData = (chunk: Buffer): void => done(() => resolve(chunk));
      const onEnd = (error?: Error): void => done(() => reject(error ?? new Error('the port was closed')));
      port.on('data', onData).on('error', onEnd).on('close', onEnd).resume();
    });
  const next = async (): Promise<string> => {
    while (!rest.includes('\n')) rest = Buffer.concat([rest, await more()]);
    const end = rest.indexOf('\n');
    const line = rest.toString('latin1', 0, end);
    rest = rest.subarray(end + 1);
    return line;
  };
  return {
    next,
    async answer(expected: string): Promise<void> {
      const line = await next();
      if (line !== expected) throw new Error(`the port said ${JSON.stringify(line)} instead of ${expected}`);
    },
    async skip(bytes: number): Promise<void> {
      let left = bytes - rest.length;
      rest = rest.subarray(Math.min(rest.length, bytes));
      while (left > 0) {
        const chunk = await more();
        if (chunk.length > left) rest = chunk.subarray(left);
        left -= chunk.length;
      }
    },
  };
}
