/** One entry of an axis: its label, and the guest options that it stands for. Pure. */
import { isFlavour } from '../images/packages.js';
import type { AxisValue } from '../plan/matrix.js';
import { guestOptions, resolveKernel } from './guest-options.js';
import type { GuestConfig } from './schema/guest.js';
import { memoryMib } from './schema/values.js';

/** A kernel by its path has the last name of the path as its label, and Debian's have their names. */
export function kernelValue(kernel: string, directory: string): AxisValue {
  const label = isFlavour(kernel) ? kernel : (kernel.replace(/\/+$/, '').split('/').at(-1) ?? kernel);
  return { label, guest: { kernel: resolveKernel(kernel, directory) } };
}

/** The label is the name without the digest. */
export const imageValue = (image: string): AxisValue => ({ label: image.replace(/@.*$/s, ''), guest: { image } });

export const archValue = (arch: NonNullable<GuestConfig['arch']>): AxisValue => ({ label: arch, guest: { arch } });

export const cpusValue = (cpus: number): AxisValue => ({ label: String(cpus), guest: { cpus } });

/** The same label for the same size, however it was written: `1024M` is `1G`. */
export function memoryValue(memory: string | number): AxisValue {
  const mib = memoryMib(memory) ?? 0;
  return { label: memoryLabel(mib), guest: { memoryMib: mib } };
}

const memoryLabel = (mib: number): string => (mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`);

export const objectValue = (label: string, guest: GuestConfig, directory: string): AxisValue => ({
  label,
  guest: guestOptions(guest, directory),
});

/** As the label of that axis is written in cells: sizes in their one form, numbers as texts. */
export function canonicalLabel(axis: string, label: string | number): string {
  const mib = axis === 'memory' ? memoryMib(label) : undefined;
  return mib === undefined ? String(label) : memoryLabel(mib);
}
