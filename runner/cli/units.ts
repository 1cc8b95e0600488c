/** Sizes and durations as users write them. */
import { VmtestError } from '../errors.js';

const usage = (message: string): VmtestError => new VmtestError('VMTEST_USAGE', message);

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes. `512M`, `2G`, `2GiB`: units of 1024; a plain number is bytes. */
export function parseSize(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? 'none'];
  if (match === null || unit === undefined) throw usage(`${flag}: "${text}" is not a size; write 512M or 2G`);
  const bytes = Number(match[1]) * unit;
  if (!Number.isSafeInteger(bytes)) throw usage(`${flag}: ${text} is not a whole number of bytes`);
  return bytes;
}

const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** The longest delay of a Node timer. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Milliseconds. `500ms`, `30s`, `2m`, `1h`; a plain number is seconds, as in timeout(1). */
export function parseDuration(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text);
  if (match === null) throw usage(`${flag}: "${text}" is not a duration; write 500ms, 30s or 2m`);
  const ms = Math.round(Number(match[1]) * (TIME_UNITS[match[2] ?? 's'] ?? 1000));
  if (ms < 1 || ms > MAX_TIMEOUT) throw usage(`${flag}: ${text} is not between 1ms and 24 days`);
  return ms;
}

/** An integer from `min` to `max`. */
export function parseCount(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw usage(`${flag}: "${text}" is not a number from ${min} to ${max}`);
  }
  return value;
}
