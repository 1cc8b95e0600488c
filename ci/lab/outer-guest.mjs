// One run of the outer guest: QEMU, its ports, and how the run ended. Nothing is put on the disk: QEMU gets
// its initramfs as an unlinked file and its ports as sockets, and dies with this process.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, readFile, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { packCpio } from './cpio.mjs';
import { createEndMarker } from './end-marker.mjs';
import { quote } from './options.mjs';

/** The outer guest boots in 3 s on a quiet machine; emulation on a busy one takes many times that. */
const BOOT_DEADLINE_MS = 180_000;
/** What it gets for ending COMMAND and writing back the checkout when it is asked to stop. */
const STOP_GRACE_MS = 20_000;
const CONSOLE_KEPT = 64 * 1024;

const KERNEL_ARGUMENTS = [
  ...['console=ttyS0', 'quiet', 'mitigations=off', 'nokaslr'],
  // No calibration against a clock that the emulator serves late.
  ...['tsc=reliable', 'no_timer_check'],
  // A periodic tick, because QEMU loses an interrupt now and then (docs/lab.md).
  ...['nohz=off', 'highres=off'],
  // A panic ends QEMU, and a CPU that is stuck in the kernel (twice watchdog_thresh, in seconds) panics: an
  // outer guest that is broken ends instead of wasting time.
  ...['panic=-1', 'softlockup_panic=1', 'watchdog_thresh=20'],
];

/**
 * @typedef {object} OuterGuest
 * @property {import('./kernel.mjs').LabKernel} kernel
 * @property {string} checkout absolute path, writable inside
 * @property {string} script what /bin/sh runs inside
 * @property {number} cpus
 * @property {number} memory MiB
 * @property {number} timeout milliseconds that the command gets
 * @property {AbortSignal} interrupted
 * @property {import('node:fs').WriteStream | null} consoleLog
 */
/**
 * @typedef {{ kind: 'exit', code: number } | { kind: 'timeout' } | { kind: 'interrupted' }
 *   | { kind: 'failed', why: string, started: boolean }} Outcome
 * @typedef {Outcome & { console: string }} Result
 */

/** @param {OuterGuest} guest @returns {Promise<Result>} */
export async function runOuterGuest(guest) {
  const marker = Buffer.from(randomBytes(24).toString('hex'));
  const initrd = await unlinkedFile(await buildInitramfs(guest, marker.toString()));
  const qemu = start(guest, initrd.fd);
  await initrd.close();
  const [, , qemuErrors, serial, control, stdin, stdout, stderr] = /** @type {import('node:net').Socket[]} */ (
    /** @type {unknown} */ (qemu.stdio)
  );
  if (!qemuErrors || !serial || !control || !stdin || !stdout || !stderr) throw new Error('QEMU has no ports');
  // A port is reset when QEMU dies; the exit is what is reported.
  for (const socket of [qemuErrors, serial, control, stdin, stdout, stderr]) socket.on('error', () => {});

  let log = '';
  for (const source of [serial, qemuErrors]) {
    source.on('data', (bytes) => {
      guest.consoleLog?.write(bytes);
      log = (log + bytes.toString('latin1')).slice(-CONSOLE_KEPT);
    });
  }
  process.stdin.on('error', () => {});
  process.stdin.pipe(stdin);
  const outputs = Promise.all([
    forward(stdout, process.stdout, createEndMarker(marker)),
    forward(stderr, process.stderr, createEndMarker(marker)),
  ]);

  const outcome = await waitForEnd(guest, qemu, control, outputs);
  process.stdin.unpipe(stdin);
  process.stdin.destroy();
  qemu.kill('SIGKILL');
  if (qemu.exitCode === null && qemu.signalCode === null) await once(qemu, 'exit');
  return { ...outcome, console: log };
}

/**
 * @param {OuterGuest} guest
 * @param {import('node:child_process').ChildProcess} qemu
 * @param {import('node:net').Socket} control
 * @param {Promise<unknown>} outputs
 * @returns {Promise<Outcome>}
 */
function waitForEnd(guest, qemu, control, outputs) {
  return new Promise((resolve) => {
    let started = false;
    /** @type {{ kind: 'timeout' } | { kind: 'interrupted' } | null} */
    let stopping = null;
    /** @type {NodeJS.Timeout} */
    let timer = setTimeout(() => fail(`did not boot within ${BOOT_DEADLINE_MS / 1000} s`), BOOT_DEADLINE_MS);

    /** @param {Outcome} outcome */
    const settle = (outcome) => {
      clearTimeout(timer);
      guest.interrupted.removeEventListener('abort', interrupt);
      resolve(stopping ?? outcome);
    };
    /** @param {string} why */
    const fail = (why) => settle({ kind: 'failed', why, started });
    /** @param {{ kind: 'timeout' } | { kind: 'interrupted' }} reason */
    const stop = (reason) => {
      stopping ??= reason;
      clearTimeout(timer);
      if (!started) return settle(reason);
      control.write('stop\n');
      timer = setTimeout(() => settle(reason), STOP_GRACE_MS);
    };
    const interrupt = () => stop({ kind: 'interrupted' });
    if (guest.interrupted.aborted) interrupt();
    guest.interrupted.addEventListener('abort', interrupt);

    qemu.on('error', (error) => fail(`QEMU could not be started: ${error.message}`));
    qemu.on('exit', (code, signal) => {
      const how = signal ? `was killed by ${signal}` : `ended with code ${code}`;
      fail(started ? `died while the command was running (QEMU ${how})` : `did not boot (QEMU ${how})`);
    });
    onLines(control, (line) => {
      if (line === 'ready') {
        started = true;
        clearTimeout(timer);
        timer = setTimeout(() => stop({ kind: 'timeout' }), guest.timeout);
      }
      const code = /^exit (\d+)$/.exec(line)?.[1];
      // The code comes after both end markers were written; what is under way still has to arrive.
      if (code !== undefined) outputs.then(() => settle({ kind: 'exit', code: Number(code) }));
    });
  });
}

/** @type {(source: import('node:net').Socket, take: (line: string) => void) => void} */
function onLines(source, take) {
  let rest = '';
  source.on('data', (bytes) => {
    const lines = (rest + bytes.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}

/**
 * Copies until the end marker, honouring back-pressure. When nobody reads our output any more (a closed
 * pipe) the command goes on unseen, as its own writes would not fail either.
 * @type {(source: import('node:net').Socket, target: NodeJS.WriteStream, filter: ReturnType<typeof createEndMarker>) => Promise<void>}
 */
async function forward(source, target, filter) {
  let open = true;
  target.on('error', () => {
    open = false;
  });
  for await (const chunk of source) {
    const { data, ended } = filter(chunk);
    if (open && data.length > 0 && !target.write(data)) {
      await Promise.race([once(target, 'drain'), once(target, 'close')]).catch(() => {});
    }
    if (ended) return;
  }
  // The stream ended without the marker: QEMU is gone, and its exit settles the run.
  await new Promise(() => {});
}

/** @type {(guest: OuterGuest, initrd: number) => import('node:child_process').ChildProcess} */
function start(guest, initrd) {
  const ports = ['control', 'stdin', 'stdout', 'stderr'];
  const firstPortFd = 4;
  const args = [
    // Without XSAVE: TCG does not intercept XSETBV, and the inner guest would see the outer one's XCR0.
    // So also without AVX and its kin, which need it: kernels believe the flag, and raid6_pq dies of it.
    // Without 5-level paging: a nested page walk takes a third fewer steps. Without fast string instructions:
    // TCG runs them byte by byte, and kernels and libraries then move words instead (a read of /dev/zero through dd:
    // 371 MB/s before, 2.3 GB/s after).
    ...[
      '-M',
      'q35',
      '-accel',
      'tcg,thread=multi',
      '-cpu',
      'max,+svm,+npt,-xsave,-avx,-avx2,-f16c,-fma,-la57,-erms,-fsrm',
    ],
    ...['-smp', `${guest.cpus}`, '-m', `${guest.memory}`],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-kernel', guest.kernel.vmlinuz, '-initrd', `/proc/self/fd/${firstPortFd + ports.length}`],
    ...['-append', KERNEL_ARGUMENTS.join(' ')],
    ...['-chardev', 'socket,id=serial,fd=3', '-serial', 'chardev:serial'],
    ...['-device', 'virtio-serial-pci,id=ports'],
    ...ports.flatMap((name, index) => [
      ...['-chardev', `socket,id=${name},fd=${firstPortFd + index}`],
      ...['-device', `virtserialport,bus=ports.0,nr=${index + 1},chardev=${name},name=kvm-lab.${name}`],
    ]),
    ...['-device', 'virtio-rng-pci'],
    ...share('host', '/', 'readonly=on,multidevs=remap'),
    ...share('checkout', guest.checkout, 'multidevs=remap'),
  ];
  // PR_SET_PDEATHSIG: QEMU does not outlive this process, however that ends. Detached: Ctrl-C at the terminal
  // reaches only this process, which then lets the outer guest write back what it holds.
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', initrd],
    detached: true,
  });
}

/** @type {(tag: string, path: string, options: string) => string[]} */
function share(tag, path, options) {
  // In QEMU's option syntax a comma is written twice.
  const escaped = path.replaceAll(',', ',,');
  return [
    ...['-fsdev', `local,id=${tag},path=${escaped},security_model=none,${options}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

/** @type {(guest: OuterGuest, marker: string) => Promise<Buffer>} */
async function buildInitramfs({ kernel, checkout, script }, marker) {
  const modules = await Promise.all(
    kernel.modules.map(async (path) => ({ path: `modules/${basename(path)}`, data: await readFile(path) })),
  );
  return packCpio([
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map((path) => ({ path })),
    { path: 'bin/busybox', mode: 0o755, data: await readBusybox() },
    { path: 'bin/sh', link: 'busybox' },
    { path: 'init', mode: 0o755, data: await readFile(new URL('init.sh', import.meta.url)) },
    { path: 'lab.conf', data: `CHECKOUT=${quote(checkout)}\nMARKER=${quote(marker)}\n` },
    { path: 'command', data: script },
    ...modules,
    { path: 'modules/order', data: kernel.modules.map((path) => `${basename(path)}\n`).join('') },
  ]);
}

async function readBusybox() {
  for (const path of ['/bin/busybox', '/usr/bin/busybox']) {
    const data = await readFile(path).catch(() => null);
    if (data) return data;
  }
  throw new Error('there is no /bin/busybox: run ci/bootstrap');
}

/** @param {Buffer} bytes */
async function unlinkedFile(bytes) {
  const path = join(tmpdir(), `kvm-lab-${randomBytes(8).toString('hex')}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  await file.writeFile(bytes);
  return file;
}
