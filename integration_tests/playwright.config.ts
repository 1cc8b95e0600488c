import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import type { VmTestOptions, VmWorkerOptions } from '../fixtures/index.js';

// Specs that boot real guests. They need a usable KVM (ci/kvm-lab has one) and what `npm run build` and
// the stage `images` of ./test_all make. VMTEST_ENGINE=qemu and VMTEST_ARCH=aarch64 run them under the other engine, for the other
// architecture; those tagged @qemu are about that engine, those tagged @native about ours, those tagged @aarch64 about ours on that architecture. A spec tagged @smp has a guest with more than one CPU; the machine (or lab) that runs
// it needs at least as many. One tagged @host starts no guest: where there is a lab it is not run there, but beside it.
export default defineConfig<VmTestOptions, VmWorkerOptions>({
  testDir: '.',
  // Not in the checkout: in the lab that is a network file system, and these files are disks and kernels.
  outputDir: join(tmpdir(), 'vmtest-specs'),
  // A guest takes a whole CPU while it boots. (In the lab, ci/test/integration.mjs says one.)
  workers: 2,
  fullyParallel: true,
  retries: 0,
  forbidOnly: true,
  // Only the end of a test that hangs: an emulated CPU on a busy machine is slow. No test measures time.
  timeout: 300_000,
  expect: { timeout: 60_000 },
  use: {
    allowedFaults: [
      {
        pattern: 'soft lockup|rcu.*(stall|starved)|workqueue lockup|hung task',
        reason: 'the CPU of a guest in the lab stands still for seconds when the machine is busy',
        expires: '2030-12-31',
      },
    ],
  },
});
