/** A time limit of something that is done in a guest, which may be slower than its host. Pure. */
export interface ScaledLimit {
  /** Milliseconds. */
  ms: number;
  /** For messages: what was configured, too, where it is something else. */
  text: string;
}

/** `limitMs`: milliseconds on a guest as fast as its host; `timeScale`: as `Machine` has it. */
export function scaledLimit(limitMs: number, timeScale: number): ScaledLimit {
  const ms = Math.round(limitMs * timeScale);
  const text = `${ms / 1000} s`;
  return { ms, text: timeScale === 1 ? text : `${text} (${limitMs / 1000} s, times ${timeScale} for a slower guest)` };
}
