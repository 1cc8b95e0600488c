/**
 * The QEMU engine: one guest in one QEMU, whose vsock device is a `vmtest-vmm` of ours.
 *
 *   Node ── QMP, console ── QEMU ── vhost-user ── vmtest-vmm ── control, streams ── Node
 */
import { tmpdir } from 'node:os';
import { type Cleanup, createCleanup } from '../../cleanup.js';
import { deferred, settledWithin } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import type { Guest, GuestEnd, GuestEvents, GuestSpec, RequestOptions } from '../guest.js';
import { type FileAddon, openDirectories, openFiles } from '../native/configure.js';
import { decodeStats } from '../native/control-messages.js';
import { openStream, readAll } from '../native/streams.js';
import type { ProcessAddon } from '../native/vmm-child.js';
import { vsockRequests } from '../native/vsock-requests.js';
import { qemuArguments } from './arguments.js';
import { type Backend, type BackendFailure, startBackend } from './backend.js';
import { endOf } from './end.js';
import { FIRST_FD, type QemuProcess, startQemu } from './process.js';
import { hasPvhEntry } from './pvh.js';
import { type Qmp, type QmpEvent, startQmp } from './qmp.js';
import { refusalOf } from './refusal.js';

export interface QemuEngineOptions {
  addon: ProcessAddon & FileAddon;
  /** Absolute path of the emulator for the guest's architecture. */
  qemu: string;
  /** Absolute path of `vmtest-vmm`. */
  vmm: string;
  events: GuestEvents;
  /** How fast the host's time stamp counter runs, kHz. For x86_64 guests on a host of that architecture. */
  tscKhz?: number | undefined;
  /** Model of the CPU as QEMU's `-cpu` takes it. Default: the engine's. */
  cpu?: string | undefined;
  /** Where the writes of overlay disks go. Default: the system's temporary directory. */
  temporaryDirectory?: string | undefined;
}

/** Starts QEMU with the guest; it does not run yet. Nothing is left behind on an error. */
export async function createQemuGuest(
  spec: GuestSpec,
  options: QemuEngineOptions,
  request: RequestOptions = {},
): Promise<Guest> {
  await using cleanup = createCleanup();
  const backend = cleanup.use(await startBackend(options.addon, options));
  const traces: Traces = { shutdown: undefined, panicked: false, killed: false, diskFailed: false };
  const parts = await startParts(spec, options, { backend, cleanup, traces, request });
  const { qemu, qmp } = parts;
  const kill = (): void => {
    traces.killed = true;
    qemu.kill();
  };
  const ended = deferred<GuestEnd>();
  void endOfParts(backend, parts).then(({ exit, failure }) => {
    // QEMU goes on without its vsock device, but its guest is of no use: it was ended for that.
    if (failure !== undefined && traces.shutdown === undefined && !traces.killed) ended.resolve(endOfFailure(failure));
    else ended.resolve(endOf({ ...traces, exit, stderr: exit.stderr, memoryMib: spec.memoryMib }));
  });
  void backend.finished.then((failure) => failure === undefined || qemu.kill());
  cleanup.defer(async () => {
    kill();
    await ended.promise;
  });
  try {
    await qmp.negotiate(request);
  } catch (error) {
    // Its exit status and last words say more than its connection.
    if (request.signal?.aborted || !(await settledWithin(qemu.exited, LATE_EXIT_MS))) throw error;
    throw refusalOf(await qemu.exited, spec, options.qemu, error);
  }
  return guestOf({ qemu, qmp, backend, ended: ended.promise, kill, cleanup: cleanup.move() });
}

/** How long the news of QEMU's exit may come after its connection broke. Milliseconds. */
const LATE_EXIT_MS = 2000;
/** How long what QEMU left in its sockets may take to be read, when it has ended. Milliseconds. */
const DRAIN_LIMIT_MS = 10_000;

/** What was heard of the guest's end. */
interface Traces {
  shutdown: string | undefined;
  panicked: boolean;
  killed: boolean;
  /** It was told once. */
  diskFailed: boolean;
}

interface Parts {
  qemu: QemuProcess;
  qmp: Qmp;
  /** The console was read to its end. */
  heard: Promise<void>;
}

async function startParts(
  spec: GuestSpec,
  { addon, qemu: file, events, tscKhz, cpu, temporaryDirectory }: QemuEngineOptions,
  owner: { backend: Backend; cleanup: Cleanup; traces: Traces; request: RequestOptions },
): Promise<Parts> {
  // Closed at the end of this function: QEMU has them then.
  await using theirs = createCleanup();
  const fds: number[] = [];
  const give = (fd: number): number => FIRST_FD + fds.push(fd) - 1;
  /** One end is for QEMU; returned is ours. */
  const pair = (): { ours: number; inherited: number } => {
    const [ours, other] = addon.streamPair();
    theirs.defer(() => addon.closeFd(other));
    return { ours, inherited: give(other) };
  };
  const kernel = await kernelFor(spec);
  // QEMU keeps what is written to an overlay by itself, so that file is only read here.
  const disks = spec.disks.map((disk) => (disk.mode === 'overlay' ? { ...disk, mode: 'ro' as const } : disk));
  const files = await openFiles({ ...spec, kernel, disks }, addon, { cleanup: theirs });
  const mounts = await openDirectories(spec.mounts, theirs);
  const vsock = pair();
  theirs.defer(() => addon.closeFd(vsock.ours));
  await owner.backend.attach(vsock.ours, owner.request);

  const consolePair = pair();
  const console = openStream(consolePair.ours);
  owner.cleanup.defer(() => void console.destroy());
  const heard = readAll(console, events.onConsole);
  const qmpPair = pair();
  const qmp = startQmp(openStream(qmpPair.ours), { onEvent: (event) => note(event, owner.traces, events) });
  owner.cleanup.defer(() => qmp.close());

  const inherited = {
    qmp: qmpPair.inherited,
    console: consolePair.inherited,
    vsock: vsock.inherited,
    kernel: give(files.kernel),
    initrd: files.initrd === undefined ? undefined : give(files.initrd),
    disks: files.disks.map(({ file: disk }) => give(disk)),
    mounts: mounts.map(give),
  };
  const args = qemuArguments(spec, { files: inherited, tscKhz, cpu });
  const env = environment(temporaryDirectory ?? tmpdir());
  return { qemu: await startQemu(file, args, { fds, env }), qmp, heard };
}

/** What finds setpriv and QEMU's libraries; and where the writes of overlays go. */
function environment(temporary: string): Record<string, string> {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }),
    // QEMU takes /var/tmp where it finds exactly /tmp.
    TMPDIR: temporary === '/tmp' ? '/tmp/.' : temporary,
  };
}

/** Throws `VMTEST_BAD_INPUT` for a kernel that QEMU cannot enter. */
async function kernelFor({ arch, kernel, bzImage, labels }: GuestSpec): Promise<string> {
  if (arch !== 'x86_64' || kernel === bzImage || (await hasPvhEntry(kernel))) return kernel;
  if (bzImage !== undefined) return bzImage;
  const message = `kernel ${labels?.kernel ?? kernel}: it is damaged or no kernel, or has no PVH entry (CONFIG_PVH), which QEMU needs of an unpacked one; give its bzImage`;
  throw new VmtestError('VMTEST_BAD_INPUT', message);
}

function note({ name, data }: QmpEvent, traces: Traces, events: GuestEvents): void {
  if (name === 'SHUTDOWN') traces.shutdown = String(data['reason']);
  if (name === 'BLOCK_IO_ERROR' && !traces.diskFailed) {
    traces.diskFailed = true;
    const full =
      data['nospace'] === true ? 'no space is left on this machine (overlays go to TMPDIR)' : String(data['reason']);
    events.onLog(
      'warning',
      `a disk of the guest could not be read or written: ${full}; the guest was told an I/O error`,
    );
  }
  if (name === 'GUEST_PANICKED' && !traces.panicked) {
    traces.panicked = true;
    events.onPanicked();
  }
}

/** Waits until QEMU has ended and everything that it and its guest said has come. */
async function endOfParts(backend: Backend, { qemu, qmp, heard }: Parts) {
  const exit = await qemu.exited;
  await settledWithin(Promise.all([heard, qmp.closed]), DRAIN_LIMIT_MS);
  const finished = await settledWithin(backend.finished, DRAIN_LIMIT_MS);
  return { exit, failure: finished ? await backend.finished : undefined };
}

function endOfFailure({ lost, message }: BackendFailure): GuestEnd {
  return lost
    ? { kind: 'engine-lost', process: 'vmtest-vmm', message }
    : { kind: 'host-error', code: 'vhost-user', message };
}

interface RunningParts {
  qemu: QemuProcess;
  qmp: Qmp;
  backend: Backend;
  ended: Promise<GuestEnd>;
  kill(): void;
  cleanup: Cleanup;
}

function guestOf({ qemu, qmp, backend, ended, kill, cleanup }: RunningParts): Guest {
  const vsock = vsockRequests(backend.control);
  const execute = async (command: string, limits?: RequestOptions): Promise<void> => {
    await qmp.execute(command, limits);
  };
  return {
    engine: 'qemu',
    pid: qemu.pid,
    ended,
    start: (limits) => execute('cont', limits),
    pause: (limits) => execute('stop', limits),
    resume: (limits) => execute('cont', limits),
    async stop() {
      kill();
      await ended;
    },
    ...vsock,
    async stats(limits) {
      return (await backend.control.request({ type: 'stats', reply: decodeStats }, limits)).ok;
    },
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}
