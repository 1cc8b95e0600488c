/** Values that more than one part of a configuration has. */
import validRange from 'semver/ranges/valid.js';
import { z } from 'zod';
import { ENGINES } from '../../engine/choice.js';
import { MAX_DURATION_MS, readDuration, readSize } from '../../units.js';
import { fitting, listOf, oneOf, recordOf, strict, text, textOrNumber } from './leaf.js';

const MIB = 2 ** 20;

/** Milliseconds, or undefined for what is no duration. A text needs its unit: `'30'` would be read as either. */
export function durationMs(value: string | number): number | undefined {
  if (typeof value === 'number')
    return Number.isInteger(value) && value >= 1 && value <= MAX_DURATION_MS ? value : undefined;
  const ms = /[a-z]$/.test(value) ? readDuration(value) : '';
  return typeof ms === 'number' ? ms : undefined;
}

/** MiB, rounded up, or undefined for what no guest can have. */
export function memoryMib(value: string | number): number | undefined {
  const bytes = typeof value === 'number' ? value * MIB : readSize(value);
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes)) return undefined;
  return bytes >= 64 * MIB && bytes <= 65536 * MIB ? Math.ceil(bytes / MIB) : undefined;
}

export const duration = () =>
  textOrNumber(
    (value) => durationMs(value) !== undefined,
    'a duration like 500ms, 30s, 2m or 1h, or a number of milliseconds, up to 24 days',
  );

export const memory = () =>
  textOrNumber((value) => memoryMib(value) !== undefined, 'a size from 64M to 64G like 512M or 2G, or a number of MiB');

/** A day that there is, as `2026-12-31`. */
export const day = () => {
  const error = 'a day like 2026-12-31';
  return fitting(/^\d{4}-\d{2}-\d{2}$/, error).refine(
    (value) => {
      const date = new Date(`${value}T00:00:00Z`);
      // Date takes the 31st of February for the 3rd of March.
      return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === value;
    },
    { error: 'a day that there is' },
  );
};

export const regExp = () =>
  text('a regular expression').refine(
    (value) => {
      try {
        return new RegExp(value) instanceof RegExp;
      } catch {
        return false;
      }
    },
    { error: 'a regular expression' },
  );

export const guestPath = () => fitting(/^\/[^\0]*$/, 'an absolute path of the guest');

/** In names of cells, between slashes. */
export const LABEL = /^(?!\.+$)[\p{L}\p{N}._+:@=-]+$/u;
export const LABEL_RULE = 'letters, digits and . _ + : @ = -, and not only dots';
export const label = () => fitting(LABEL, `a label of ${LABEL_RULE}`);

/** A name of an axis; one that begins with a letter is none of JavaScript's own. */
export const axisName = () => fitting(/^[A-Za-z][\w-]*$/, 'a name of an axis: a letter, then letters, digits, _ and -');

const labels = textOrNumber((value) => value !== '', 'a label, which may have a *, or a list of them');

/** Labels by axis, of which one must fit; `*` is for anything. */
export const labelPattern = recordOf(axisName(), z.union([labels, listOf(labels)])).meta({ id: 'LabelPattern' });

export const condition = strict({
  kernelVersion: text('a range of versions like ">=6.1 <6.8"')
    .refine((value) => validRange(value) !== null, { error: 'a range of versions like ">=6.1 <6.8"' })
    .optional()
    .describe(
      "A range of versions as npm has them (>=6.1 <6.8); compared with the first three numbers of the kernel's release, in the guest.",
    ),
  engine: oneOf(ENGINES as unknown as ['native', 'qemu'])
    .optional()
    .describe('The engine that serves the guest: native for what needs real time, since an emulated guest is slower.'),
  axes: labelPattern
    .optional()
    .describe("By axis: the label, or labels of which one must be the cell's; * for anything. All axes must fit."),
}).meta({ id: 'Condition' });
