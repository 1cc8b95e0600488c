import { createHash } from 'node:crypto';
import type { FaultType, Frame } from './fault.js';
import { plainFunction } from './frames.js';
import { isMachinery } from './machinery.js';

/** Enough to tell two ways to a function apart, few enough that system calls and threads do not matter. */
const FRAMES = 5;

/** Functions of the stack that had a part in the fault, innermost first. */
export function guiltyFunctions(frames: readonly Frame[]): string[] {
  return frames.map((frame) => plainFunction(frame.function)).filter((name) => !isMachinery(name));
}

/**
 * Names only: addresses, offsets, sizes and build ids change with each build, pids and times with each run. Without a
 * stack the title stands for it.
 */
export function fingerprintOf(type: FaultType, title: string, frames: readonly Frame[]): string {
  const functions = guiltyFunctions(frames).slice(0, FRAMES);
  const identity = [type, ...(functions.length === 0 ? [title] : functions)];
  return createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 16);
}
