/** The native engine against a real process that speaks the protocol: testing/fake-vmm.py. */
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GuestEvents, GuestSpec } from '../guest.js';
import { loadAddon } from './addon.js';
import { createNativeGuest } from './vmm.js';

const vmm = fileURLToPath(new URL('testing/fake-vmm.py', import.meta.url));
const addon = loadAddon();

let directory: string;
let spec: GuestSpec;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-engine-'));
  await writeFile(join(directory, 'kernel'), 'the kernel');
  await writeFile(join(directory, 'disk'), Buffer.alloc(512));
  spec = {
    arch: 'x86_64',
    cpus: 2,
    memoryMib: 128,
    kernel: join(directory, 'kernel'),
    cmdline: 'a=b',
    disks: [],
    mounts: [],
    nested: false,
  };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function recorder() {
  const seen = { console: '', panics: 0, logs: [] as string[], accepted: [] as Duplex[] };
  const events: GuestEvents = {
    onConsole: (chunk) => {
      seen.console += chunk.toString();
    },
    onPanicked: () => {
      seen.panics += 1;
    },
    onLog: (level, message) => void seen.logs.push(`${level}: ${message}`),
    onAccept: (_port, _peer, stream) => void seen.accepted.push(stream),
  };
  return { seen, events };
}

function create(script: string, events: GuestEvents = recorder().events) {
  const env = [`VMTEST_FAKE=${script}`, `PATH=${process.env['PATH']}`];
  return createNativeGuest(spec, { addon, vmm, events, env, overlayDirectory: directory });
}

/** Descriptors of ours that are sockets, files under `directory`, or pidfds. */
async function openDescriptors(): Promise<string[]> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => 'gone')));
  return targets.filter((target) => target.startsWith('socket:') || target.startsWith(directory)).sort();
}

describe('createNativeGuest', () => {
  it('configures a guest with descriptors, and delivers its whole console before its end', async () => {
    const { seen, events } = recorder();
    const disk = join(directory, 'disk');
    spec.disks = [
      { path: disk, mode: 'overlay', serial: 'abc' },
      { path: disk, mode: 'ro' },
    ];
    await using guest = await create('poweroff', events);
    await guest.start();
    expect(await guest.ended).toEqual({ kind: 'poweroff' });
    expect(seen.console).toContain('kernel=the kernel cmdline=a=b cpus=2 memory=128\n');
    expect(seen.console).toContain(
      'disk mode=overlay overlay-links=0 serial=abc\ndisk mode=ro overlay-links=none serial=None\n',
    );
    expect(seen.console).toMatch(/x{100000}\nthe last line\n$/);
    expect((await guest.stats()).exits).toEqual({ io: 1, mmio: 2, hlt: 3, intr: 4, other: 5 });
  });

  it('leaves no process and no descriptor', async () => {
    const before = await openDescriptors();
    {
      await using guest = await create('');
      await guest.start();
      const { pid } = guest;
      const stream = await guest.connect(7);
      stream.destroy();
      process.kill(pid, 0);
      await guest[Symbol.asyncDispose]();
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
      expect(await guest.ended).toEqual({ kind: 'killed' });
    }
    expect(await openDescriptors()).toEqual(before);
    await expect(create('bad-kernel')).rejects.toThrow();
    expect(await openDescriptors()).toEqual(before);
    expect((await readdir(directory)).sort()).toEqual(['disk', 'kernel']);
  });

  it('opens and accepts vsock streams, half-closed like the sockets of the guest', async () => {
    const { seen, events } = recorder();
    await using guest = await create('', events);
    await guest.start();
    const data = Buffer.alloc(1_000_000, 'vsock');
    await guest.listen(1024);
    // The events of one channel come in order: the connection of the guest was accepted before this answer.
    const connected = await guest.connect(7);
    expect(seen.accepted).toHaveLength(1);
    for (const stream of [connected, ...seen.accepted]) {
      stream.end(data);
      expect((await buffer(stream)).equals(data)).toBe(true);
    }
    await expect(guest.connect(1)).rejects.toMatchObject({ code: 'CONTROL_NOT_FOUND' });
    await expect(guest.pause()).rejects.toMatchObject({ code: 'CONTROL_WRONG_STATE' });
  });

  it('stops a guest', async () => {
    await using guest = await create('');
    await guest.start();
    await guest.stop();
    expect(await guest.ended).toEqual({ kind: 'killed' });
  });

  it('names the file that is to blame', async () => {
    await expect(create('bad-kernel')).rejects.toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message: `kernel ${spec.kernel}: not an ELF file`,
    });
    const disk = join(directory, 'disk');
    spec.disks = [
      { path: disk, mode: 'ro' },
      { path: disk, mode: 'rw' },
    ];
    await expect(create('locked-disk')).rejects.toThrow(`disk ${disk}: another guest holds it`);
  });

  it.each([
    ['crash', /killed by signal 9.*: last words/],
    ['nonsense', /event: expected one of/],
    ['wrong-id', /an answer to 99, which nobody asked/],
    ['stray-descriptor', /1 descriptors where 0 belong/],
  ])('says how the process was lost: %s', async (script, message) => {
    await using guest = await create(script);
    await guest.start().catch(() => {});
    expect(await guest.ended).toEqual({
      kind: 'engine-lost',
      process: 'vmtest-vmm',
      message: expect.stringMatching(message),
    });
    await expect(guest.stats()).rejects.toThrow();
  });

  it('says why the process could not be configured', async () => {
    await expect(create('dies-configuring')).rejects.toThrow(/exit code 3\): cannot allocate/);
    await expect(create('old')).rejects.toThrow('protocol 99, this host speaks 1');
    const missing = createNativeGuest(spec, { addon, vmm: '/nowhere/vmtest-vmm', events: recorder().events });
    await expect(missing).rejects.toThrow(/cannot start \/nowhere\/vmtest-vmm: .*npm run build/);
  });

  it('gives up with its signal', async () => {
    const controller = new AbortController();
    const env = ['VMTEST_FAKE=silent', `PATH=${process.env['PATH']}`];
    const { events } = recorder();
    const waiting = createNativeGuest(spec, { addon, vmm, events, env }, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await using guest = await create('never-answers');
    const late = new AbortController();
    const starting = guest.start({ signal: late.signal });
    late.abort(new Error('enough of this too'));
    await expect(starting).rejects.toThrow('enough of this too');
  });

  it('passes the warnings of the process on', async () => {
    const { seen, events } = recorder();
    await using guest = await create('log', events);
    await guest.start();
    await guest.stats();
    expect(seen.logs).toEqual(['warning: a device needs a reset']);
  });
});
