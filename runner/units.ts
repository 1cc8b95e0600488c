/**
 * Sizes, durations and counts as users write them, on a command line or in a configuration. Each function answers the
 * value, or a text that says what is wrong: `"1x" is not a size; write 512M or 2G`.
 */

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes. `512M`, `2G`, `2GiB`: units of 1024; a plain number is bytes. */
export function readSize(text: string): number | string {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? 'none'];
  if (match === null || unit === undefined) return `"${text}" is not a size; write 512M or 2G`;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : `${text} is not a whole number of bytes`;
}

const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** The longest delay of a Node timer. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/** Milliseconds. `500ms`, `30s`, `2m`, `1h`; a plain number is seconds, as in timeout(1). */
export function readDuration(text: string): number | string {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text);
  if (match === null) return `"${text}" is not a duration; write 500ms, 30s or 2m`;
  const ms = Math.round(Number(match[1]) * (TIME_UNITS[match[2] ?? 's'] ?? 1000));
  return ms >= 1 && ms <= MAX_DURATION_MS ? ms : `${text} is not between 1ms and 24 days`;
}

/** How many guests at once, at most: as many as fit, so many, or a share of the CPUs. */
export type Workers = 'auto' | { count: number } | { percent: number };
const MAX_WORKERS = 10_000;

/** `auto`, `4` or `50%`. */
export function readWorkers(text: string): Workers | string {
  if (text === 'auto') return text;
  const match = /^(\d{1,5})(%?)$/.exec(text);
  const value = Number(match?.[1]);
  if (match?.[2] === '%' && value >= 1 && value <= 1000) return { percent: value };
  if (match?.[2] === '' && value >= 1 && value <= MAX_WORKERS) return { count: value };
  return `"${text}" is neither a number from 1 to ${MAX_WORKERS} nor a share of the CPUs like 50% nor auto`;
}

/** Part `index` of `count`; the first is 1. */
export interface Shard {
  index: number;
  count: number;
}
const MAX_SHARDS = 1000;

/** `2/3`. */
export function readShard(text: string): Shard | string {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  if (match === null) return `"${text}" is not a shard; write 1/3 for the first of three`;
  const [index, count] = [Number(match[1]), Number(match[2])];
  if (count < 1 || count > MAX_SHARDS) return `${text} is not one of 1 to ${MAX_SHARDS} shards`;
  if (index < 1 || index > count) return `there is no shard ${text}; they are 1/${count} to ${count}/${count}`;
  return { index, count };
}
