/** What a guest is made of, as a configuration says it. */
import { z } from 'zod';
import { ENGINE_CHOICES } from '../../engine/choice.js';
import { MOUNT_MODES } from '../../engine/guest.js';
import { ARCHITECTURES } from '../../images/kernels/architecture.js';
import { anyListOf, fitting, flag, oneOf, strict, text, whole } from './leaf.js';
import { memory } from './values.js';

const path = (expected = 'a path') => text(expected);

export const arch = () => oneOf(ARCHITECTURES as ['x86_64', 'aarch64']);
export const engine = () => oneOf(ENGINE_CHOICES as unknown as ['auto', 'native', 'qemu']);
export const cpus = () => whole(1, 32);

export const IMAGE_NAME = /^[a-z0-9][a-z0-9.-]{0,63}(@(sha256:)?[0-9a-f]{64})?$/;
export const imageName = () => fitting(IMAGE_NAME, 'a name of an image like debian-12, or NAME@DIGEST');
export const kernel = () => text('a path of a kernel, or cloud or generic');

/** The keys; the axes have objects of the same with a name. */
export const guestShape = {
  engine: engine()
    .optional()
    .describe(
      'native, qemu, or auto: native where KVM works for the architecture, else qemu. Default: auto, or VMTEST_ENGINE.',
    ),
  arch: arch().optional().describe("Architecture. Default: this machine's."),
  image: imageName().optional().describe('Gives what the others do not: NAME, or NAME@DIGEST. Default: micro.'),
  kernel: kernel()
    .optional()
    .describe(
      "A kernel, package, build tree or directory by its path; or cloud or generic, which are Debian's. Default: the image has one.",
    ),
  initrd: path()
    .optional()
    .describe('Initial RAM file system; the agent is added to it. Goes with kernel, not with image.'),
  modules: path()
    .optional()
    .describe('lib/modules/RELEASE of the kernel. Default: searched beside the kernel, then on this host.'),
  load: anyListOf(fitting(/^\w[\w-]*$/, 'a name of a module as lsmod has it'))
    .optional()
    .describe('Modules of the kernel to load before anything runs.'),
  root: z
    .union([
      path('a path or an object'),
      strict({
        path: path().describe('Directory, tarball, container image or raw image.'),
        writable: flag()
          .optional()
          .describe('Whether the guest may change the image itself; only raw images. Default: false.'),
      }),
    ])
    .optional()
    .describe(
      'Root of the guest: a directory, tarball, container image or raw image. Writes are lost. Default: that of the image.',
    ),
  init: fitting(/^(systemd|\/[^\s\0]+)$/, 'systemd, or an absolute path of the guest without blanks')
    .optional()
    .describe("The root's own init, which becomes PID 1: systemd, or a path. Default: the agent is PID 1."),
  cpus: cpus().optional().describe('Virtual CPUs, 1 to 32. Default: 1.'),
  memory: memory().optional().describe('Guest memory: 512M, 2G, or MiB as a number; 64M to 64G. Default: 512M.'),
  append: fitting(/^[^\0\n]+$/, 'kernel arguments in one line')
    .optional()
    .describe('More kernel arguments, put last. Those of base, axes, include and overrides are joined.'),
  disks: anyListOf(
    z.union([
      path('a path or an object'),
      strict({
        path: path().describe('The file.'),
        mode: oneOf(['ro', 'rw', 'overlay']).optional().describe('overlay: writes are lost. Default: overlay.'),
        serial: fitting(/^[\x20-\x7e]{1,20}$/, 'a serial of 1 to 20 ASCII characters')
          .optional()
          .describe('virtio-blk serial, at most 20 characters. Default: none.'),
      }),
    ]),
  )
    .optional()
    .describe('Raw disks, after that of the root: a path, whose writes are lost, or an object. Default: none.'),
  mounts: anyListOf(
    strict({
      host: path().describe('The directory.'),
      guest: fitting(/^\/[^\0]*$/, 'an absolute path of the guest').describe(
        'Where it is in the guest; / makes it the root.',
      ),
      mode: oneOf(MOUNT_MODES as unknown as ['ro', 'rw', 'exclusive'])
        .optional()
        .describe(
          'Whether the guest may change it; rw: others may, too; exclusive: nobody else does, which is faster. Default: ro.',
        ),
    }),
  )
    .optional()
    .describe('Live directories of this host in the guest; only QEMU serves them. Default: none.'),
  nested: flag().optional().describe('Show the virtualization extensions to the guest. Default: false.'),
  pmu: flag().optional().describe('aarch64: show the performance monitor to the guest. Default: false.'),
  sve: flag().optional().describe('aarch64: show the scalable vectors to the guest. Default: false.'),
} as const;

export const guest = strict(guestShape).meta({ id: 'Guest' });
export type GuestConfig = z.input<typeof guest>;
