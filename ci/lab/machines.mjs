// What the outer guest of an architecture is made of.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureNode } from './node-arm64.mjs';
import { hostArch, quote } from './options.mjs';

/**
 * @typedef {object} OuterMachine
 * @property {Pick<import('../../runner/index.js').BootOptions, 'arch' | 'image' | 'kernel' | 'load' | 'append' | 'mounts'>} boot
 * @property {string} prepare script for its shell, before COMMAND: what the agent does not do for every guest
 * @property {string[]} path directories that come first in COMMAND's PATH
 */
/** @typedef {import('./options.mjs').Arch} Arch */

const KERNEL_ARGUMENTS = {
  x86_64: [
    // No calibration against a clock that the emulator serves late.
    ...['tsc=reliable', 'no_timer_check'],
    // A periodic tick, because QEMU loses an interrupt now and then (docs/lab.md).
    ...['nohz=off', 'highres=off'],
  ],
  aarch64: [],
};

const COMMON_ARGUMENTS = [
  ...['mitigations=off', 'nokaslr'],
  // A CPU that is stuck in the kernel (twice watchdog_thresh, in seconds) panics, and a panic ends the guest: one
  // that is broken ends instead of wasting time.
  ...['panic=-1', 'softlockup_panic=1', 'watchdog_thresh=20'],
];

/** On arm64 KVM is built in. @type {Record<Arch, string[]>} */
const MODULES = { x86_64: ['kvm-amd'], aarch64: [] };

/** udev would let users other than root open /dev/kvm, as the tests do. */
const PREPARE = `
mount -t debugfs debugfs /sys/kernel/debug
hostname kvm-lab
[ -c /dev/kvm ] || { echo "its emulated CPU has no virtualization extensions: no /dev/kvm" >&2; exit 1; }
chmod 666 /dev/kvm
`;

/**
 * @param {{ arch: Arch, checkout: string, cache: string, home: string, say: (line: string) => void }} where
 * @returns {Promise<OuterMachine>}
 */
export async function outerMachine({ arch, checkout, cache, home, say }) {
  const boot = {
    arch,
    // The cloud kernel has no 9p.
    kernel: 'generic',
    load: MODULES[arch],
    append: [...COMMON_ARGUMENTS, ...KERNEL_ARGUMENTS[arch]].join(' '),
  };
  /** @type {import('../../runner/index.js').MountSpec} */
  const work = { host: checkout, guest: checkout, mode: 'exclusive' };
  if (arch === hostArch()) {
    return { boot: { ...boot, mounts: [{ host: '/', guest: '/', mode: 'ro' }, work] }, prepare: PREPARE, path: [] };
  }
  // None of this machine's programs runs there: a user land of its own, and of this machine the checkout and the cache.
  const node = await ensureNode(cache, say);
  await mkdir(cache, { recursive: true });
  return {
    boot: {
      ...boot,
      image: 'debian-12-dev',
      mounts: [work, { host: node, guest: NODE, mode: 'ro' }, { host: cache, guest: `${LAB}/cache`, mode: 'ro' }],
    },
    prepare: `${PREPARE}${overlay(cache)}mkdir -p ${quote(home)}\n`,
    path: [join(NODE, 'bin')],
  };
}

const LAB = '/run/kvm-lab';
const NODE = `${LAB}/node`;

/** As in the host's root, what is written to the cache is lost. @param {string} cache */
function overlay(cache) {
  const options = `lowerdir=${LAB}/cache,upperdir=${LAB}/upper,workdir=${LAB}/work`;
  return `
mkdir -p ${LAB}/upper ${LAB}/work ${quote(cache)}
mount -t overlay -o ${options} cache ${quote(cache)}
`;
}
