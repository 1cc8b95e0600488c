/** Sizes, durations and counts of a command line. All throw `VMTEST_USAGE` with the flag and what is wrong. */
import { VmtestError } from '../errors.js';
import { readDuration, readShard, readSize, readWorkers, type Shard, type Workers } from '../units.js';

const usage = (message: string): VmtestError => new VmtestError('VMTEST_USAGE', message);

/** Bytes. `512M`, `2G`, `2GiB`: units of 1024; a plain number is bytes. */
export const parseSize = (flag: string, text: string): number => known(flag, readSize(text));

/** Milliseconds. `500ms`, `30s`, `2m`, `1h`; a plain number is seconds, as in timeout(1). */
export const parseDuration = (flag: string, text: string): number => known(flag, readDuration(text));

/** `2/3`: the second of three shards. */
export const parseShard = (flag: string, text: string): Shard => known(flag, readShard(text));

/** `auto`, a number of guests, or a share of the CPUs like `50%`. */
export function parseWorkers(flag: string, text: string): Workers {
  const workers = readWorkers(text);
  return workers === 'auto' ? workers : known(flag, workers);
}

/** An integer from `min` to `max`. */
export function parseCount(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw usage(`${flag}: "${text}" is not a number from ${min} to ${max}`);
  }
  return value;
}

function known<T>(flag: string, read: T | string): T {
  if (typeof read === 'string') throw usage(`${flag}: ${read}`);
  return read;
}
