// Three suites, each in a guest of its own: what `npm start` runs.
//
//     npx vmtest test --config examples/quickstart
//
// Add `--engine qemu` for a machine without KVM, or change a suite so that it fails and look again: the reason, the end of the
// kernel's console and the command that repeats just this job are all told.
import { defineConfig } from 'vmtest';

export default defineConfig({
  // Debian's cloud kernel with busybox. For your own kernel: `kernels: ['~/linux']`, the tree it was built in.
  images: ['micro'],
  timeouts: { boot: '3m', command: '1m' },
  suites: [
    // A line for the guest's shell. Exit code 0 is a pass.
    { name: 'boots', run: 'uname -srm && test "$(id -u)" = 0 && grep -q " /proc " /proc/mounts' },

    // A script of this directory, copied in; it prints its results as kernel tests do, and each is a case of its own.
    {
      name: 'tmpfs',
      run: ['sh', '/tests/tmpfs.sh'],
      parse: 'ktap',
      copyIn: [{ source: 'suites/tmpfs.sh', destination: '/tests/' }],
    },

    // The kernel's log. A WARNING, an oops or a KASAN report fails any suite by itself: docs/faults.md.
    {
      name: 'kernel log',
      run: ['sh', '/tests/kernel-log.sh'],
      parse: 'tap',
      copyIn: [{ source: 'suites/kernel-log.sh', destination: '/tests/' }],
    },
  ],
  reporters: ['list', 'junit'],
});
