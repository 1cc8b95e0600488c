// Two kernels, each in two sizes of guest, with suites that end in every way a kernel developer meets.
//
//     npx vmtest test --config examples/kernel-matrix
//
// Exit code 1: only `boots` passes. The results are in examples/kernel-matrix/vmtest-results.
import { defineConfig } from 'vmtest';

export default defineConfig({
  // Debian's; your own is a path: a bzImage, a package, or a build tree like '~/linux'.
  kernels: ['cloud', 'generic'],
  memory: ['192M', '256M'],
  timeouts: { boot: '2m', command: '2m' },
  suites: [
    { name: 'boots', run: 'uname -r && grep MemTotal /proc/meminfo' },
    {
      name: 'ktap',
      run: ['sh', '/tests/ktap.sh'],
      parse: 'ktap',
      copyIn: [{ source: 'suites/ktap.sh', destination: '/tests/' }],
    },
    // The command itself succeeds; the kernel has killed a process for want of memory, and its guest lives on.
    { name: 'splat', run: 'tail /dev/zero; echo still here' },
    { name: 'hang', run: 'echo waiting; sleep 3600', timeouts: { command: '5s' } },
  ],
  reporters: ['list', 'junit'],
});
