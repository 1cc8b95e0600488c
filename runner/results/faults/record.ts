/**
 * A line of the console to what the kernel printed: `print_prefix` and `info_print_prefix` of
 * kernel/printk/printk.c put `<level>`, `[    seconds.micros]` and `[ caller]` before each line of a message,
 * dmesg and syslog their own.
 */

export interface KernelRecord {
  /** The message, without what stands before it. */
  text: string;
  /** `T1` (a task) or `C0` (a CPU) where CONFIG_PRINTK_CALLER is on, else empty. */
  caller: string;
  /** Seconds since boot, where the console has them. */
  time?: number;
}

/** Gives what the kernel printed, or undefined for a line of somebody else. */
export type RecordParser = (line: string) => KernelRecord | undefined;

const LEVEL = String.raw`(?:<\d{1,3}>)?`;
/** `Jan  2 03:04:05 host kernel: ` of syslog and journalctl, also with ISO 8601 times. */
const SYSLOG = String.raw`(?:(?:\w{3} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.,+Z-]+) \S+ kernel: )?`;
/** `kern  :warn  : ` of dmesg --decode. */
const DECODED = String.raw`(?:kern +:\w+ *: )?`;
/** `[Mon Jan  2 03:04:05 2026] ` of dmesg --ctime. */
const CTIME = String.raw`(?:\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ?)?`;
const TIME = String.raw`(?:\[\s*(?<time>\d{1,9}\.\d{1,9})\])?`;
const CALLER = String.raw`(?:\[\s*(?<caller>[TC]\d{1,9})\])?`;
const PREFIX = new RegExp(`^${LEVEL}${SYSLOG}${DECODED}${CTIME}${TIME}${CALLER}(?:(?<=\\]) )?`);

/** The same behind what somebody else left unfinished on the line; six digits, as printk writes them. */
const CUT_IN = /\[\s{0,8}(?<time>\d{1,9}\.\d{6})\](?:\[\s{0,8}(?<caller>[TC]\d{1,9})\])? /;

/** A kernel says it first, and may have timestamps or not. */
const BANNER = /^Linux version \d/;

/** Seconds that a message may be older than the one before it: those of another CPU come late. */
const DISORDER = 1;

/**
 * Once the console has timestamps, what comes without one is not the kernel's: a test may print `WARNING: CPU: 0`
 * to it and mean nothing by that.
 */
export function createRecordParser(): RecordParser {
  let timed = false;
  let now = 0;

  return (line) => {
    const prefix = PREFIX.exec(line);
    const groups = prefix?.groups ?? {};
    const text = line.slice(prefix?.[0].length ?? 0);
    if (groups['time'] !== undefined) {
      timed = true;
      now = Number(groups['time']);
      return { text, caller: groups['caller'] ?? '', time: now };
    }
    if (!timed) return { text, caller: groups['caller'] ?? '' };
    if (BANNER.test(text)) {
      timed = false;
      return { text, caller: '' };
    }
    const cut = CUT_IN.exec(line);
    const time = Number(cut?.groups?.['time']);
    // An older one is an old log that somebody quotes.
    if (cut === null || time < now - DISORDER) return undefined;
    now = time;
    return { text: line.slice(cut.index + cut[0].length), caller: cut.groups?.['caller'] ?? '', time };
  };
}
