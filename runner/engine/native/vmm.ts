/** The native engine: one guest in one `vmtest-vmm`, driven over its control channel. */
import { createCleanup } from '../../cleanup.js';
import { VmtestError } from '../../errors.js';
import type { Guest, GuestSpec, RequestOptions } from '../guest.js';
import { blame } from './blame.js';
import { configuration, type FileAddon, openFiles } from './configure.js';
import { decodeNothing, decodeStats } from './control-messages.js';
import { explainLoss, type ProcessAddon } from './vmm-child.js';
import { startVmmProcess, type VmmProcess, type VmmProcessOptions } from './vmm-process.js';
import { vsockRequests } from './vsock-requests.js';

export interface NativeEngineOptions extends VmmProcessOptions {
  addon: ProcessAddon & FileAddon;
  /** Where the writes of overlay disks go. Default: the system's temporary directory. */
  overlayDirectory?: string;
}

/** Starts `vmtest-vmm` and configures the guest; it does not run yet. Nothing is left behind on an error. */
export async function createNativeGuest(
  spec: GuestSpec,
  options: NativeEngineOptions,
  request: RequestOptions = {},
): Promise<Guest> {
  // Closed at the end of this function: the process has them then.
  await using files = createCleanup();
  const owner = { cleanup: files, overlayDirectory: options.overlayDirectory };
  const opened = await openFiles(spec, options.addon, owner);
  await using cleanup = createCleanup();
  const vmm = cleanup.use(await startVmmProcess(options.addon, options));
  try {
    await vmm.child.control.hello(request);
    const { fields, fds } = configuration(spec, opened, vmm.consoleFd);
    await vmm.child.control.request({ type: 'configure', fields, fds, reply: decodeNothing }, request);
  } catch (error) {
    throw blame(await explainLoss(error, vmm.child), spec);
  }
  vmm.closeConsoleFd();
  cleanup.move();
  return guestOf(vmm);
}

function guestOf(vmm: VmmProcess): Guest {
  const { control } = vmm.child;
  const simple = async (type: string, limits?: RequestOptions): Promise<void> => {
    await control.request({ type, reply: decodeNothing }, limits);
  };
  return {
    engine: 'native',
    pid: control.pid,
    ended: vmm.ended,
    start: (limits) => simple('start', limits),
    pause: (limits) => simple('pause', limits),
    resume: (limits) => simple('resume', limits),
    async stop() {
      await simple('stop').catch((error: unknown) => {
        // It may end by itself at the same moment: then it is in no state to be stopped, which is as good.
        if (error instanceof VmtestError && error.code === 'CONTROL_WRONG_STATE') return;
        return vmm[Symbol.asyncDispose]();
      });
    },
    ...vsockRequests(control),
    async stats(limits) {
      return (await control.request({ type: 'stats', reply: decodeStats }, limits)).ok;
    },
    [Symbol.asyncDispose]: () => vmm[Symbol.asyncDispose](),
  };
}
