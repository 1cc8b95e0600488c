/** Guests below the level of the command: the native engine alone, without an agent. */
import { writeFile } from 'node:fs/promises';
import type { TestInfo } from '@playwright/test';
import type { Guest, GuestEnd, GuestSpec } from '../../runner/engine/guest.js';
import { loadAddon } from '../../runner/engine/native/addon.js';
import { createNativeGuest } from '../../runner/engine/native/vmm.js';
import { hostArchitecture } from '../../runner/images/kernels/architecture.js';
import { findInstallation } from '../../runner/installation.js';
import { tinyKernel } from './tiny-kernel.js';

export interface RawGuest extends AsyncDisposable {
  guest: Guest;
  /** What the serial console has printed so far. */
  console(): string;
  panicked(): boolean;
}

export async function createGuest(spec: Partial<GuestSpec> & { kernel: string }): Promise<RawGuest> {
  let console = '';
  let panicked = false;
  const guest = await createNativeGuest(
    { arch: hostArchitecture(), cpus: 1, memoryMib: 64, cmdline: '', disks: [], mounts: [], nested: false, ...spec },
    {
      addon: loadAddon(),
      vmm: findInstallation().vmm,
      events: {
        onConsole(chunk) {
          console += chunk.toString('latin1');
        },
        onPanicked() {
          panicked = true;
        },
        onAccept: (_port, _peerPort, stream) => void stream.destroy(),
        onLog: () => {},
      },
    },
  );
  return {
    guest,
    console: () => console,
    panicked: () => panicked,
    [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose](),
  };
}

/** Runs a few bytes of machine code as a kernel, until it has ended the guest. */
export async function endOf(code: readonly number[], info: TestInfo): Promise<GuestEnd> {
  const kernel = info.outputPath('kernel');
  await writeFile(kernel, tinyKernel(code));
  await using raw = await createGuest({ kernel });
  await raw.guest.start();
  return await raw.guest.ended;
}
