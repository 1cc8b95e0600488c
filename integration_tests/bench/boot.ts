/** Start to first exec, side by side: `vmtest-vmm` and QEMU's leanest board with the same kernel and archive. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAddon } from '../../runner/engine/native/addon.js';
import { createNativeGuest } from '../../runner/engine/native/vmm.js';
import { encodeCpio, padding } from '../../runner/images/cpio.js';
import type { Architecture } from '../../runner/images/kernels/architecture.js';
import { findInstallation } from '../../runner/installation.js';
import { countExits } from './exits.js';
import { overheadKib } from './memory.js';
import type { Program } from './unpacked-qemu.js';

/** What both machines are given. */
export interface BootSubject {
  arch: Architecture;
  kernel: string;
  initrd: string;
  cmdline: string;
  memoryMib: number;
}

export interface BootSample {
  /** From before the monitor's process is started until the guest has run its first program. */
  firstExecMs: number;
  /** VM exits that KVM counted until then, on the whole (otherwise idle) host. */
  exits: number;
  /** Resident memory of the monitor without the guest's RAM, when the guest had run its first program. */
  overheadKib: number;
}

/** Of QEMU's boards that KVM runs, the one with the least in it. */
export const QEMU_BOARDS: Readonly<Record<Architecture, string>> = { x86_64: 'microvm', aarch64: 'virt' };

const MARKER = 'FIRST-EXEC';

/**
 * The same first program for both: load the modules that reach a guest, run `true`, say so on the
 * console, and wait to be ended. No agent and no vsock: QEMU has no counterpart to them in user space.
 */
const INIT = `#!/bin/sh
mount -t devtmpfs dev /dev
while read -r module; do insmod "$module"; done </vmtest/modules.list
/bin/true && echo ${MARKER} >/dev/console
while :; do sleep 1000; done
`;

/** The guest's own archive with the first program added to it. */
export async function prepareSubject(
  images: Pick<BootSubject, 'arch' | 'kernel' | 'initrd' | 'cmdline'>,
  directory: string,
): Promise<BootSubject> {
  const initrd = join(directory, 'initramfs.cpio');
  const base = await readFile(images.initrd);
  const added = encodeCpio(new Map([['bench/init', { type: 'file', data: Buffer.from(INIT), mode: 0o755 }]]));
  await writeFile(initrd, [base, padding(base.length), ...added]);
  return { ...images, initrd, cmdline: `${images.cmdline} rdinit=/bench/init`, memoryMib: 512 };
}

export async function bootNative(subject: BootSubject): Promise<BootSample> {
  const marker = watchFor(MARKER);
  const exits = await countExits();
  const start = performance.now();
  await using guest = await createNativeGuest(
    { ...subject, cpus: 1, disks: [], mounts: [], nested: false },
    {
      addon: loadAddon(),
      vmm: findInstallation().vmm,
      events: {
        onConsole: marker.feed,
        onPanicked: () => marker.fail(new Error('the guest panicked')),
        onAccept: (_port, _peerPort, stream) => void stream.destroy(),
        onLog: () => {},
      },
    },
  );
  await guest.start();
  await Promise.race([marker.seen, guest.ended.then((end) => Promise.reject(new Error(`guest ended: ${end.kind}`)))]);
  const firstExecMs = performance.now() - start;
  return {
    firstExecMs,
    exits: (await countExits()) - exits,
    overheadKib: await overheadKib(guest.pid, subject.memoryMib),
  };
}

export async function bootQemu(subject: BootSubject, program: Program): Promise<BootSample> {
  const marker = watchFor(MARKER);
  const exits = await countExits();
  const start = performance.now();
  const env = program.libraries === undefined ? process.env : { ...process.env, LD_LIBRARY_PATH: program.libraries };
  const qemu = spawn(program.path, qemuArguments(subject), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    qemu.stdout.on('data', marker.feed);
    let stderr = '';
    qemu.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    qemu.once('error', marker.fail);
    qemu.once('exit', () => marker.fail(new Error(`QEMU ended before the marker: ${stderr}`)));
    await marker.seen;
    const firstExecMs = performance.now() - start;
    const pid = qemu.pid as number;
    return { firstExecMs, exits: (await countExits()) - exits, overheadKib: await overheadKib(pid, subject.memoryMib) };
  } finally {
    await ended(qemu);
  }
}

function qemuArguments(subject: BootSubject): string[] {
  return [
    ...['-M', `${QEMU_BOARDS[subject.arch]},accel=kvm`, '-cpu', 'host', '-smp', '1', '-m', String(subject.memoryMib)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', subject.kernel, '-initrd', subject.initrd, '-append', subject.cmdline],
  ];
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

/** Resolves when the text has come by, wherever the chunks are cut. */
function watchFor(text: string) {
  let tail = '';
  const { promise: seen, resolve, reject } = withResolvers();
  seen.catch(() => {});
  return {
    seen,
    fail: reject,
    feed(chunk: Buffer): void {
      tail = (tail + chunk.toString('latin1')).slice(-4096);
      if (tail.includes(text)) resolve();
    },
  };
}

function withResolvers() {
  let resolve: () => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
