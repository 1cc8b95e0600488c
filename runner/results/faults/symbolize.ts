/** Frames to lines of the source, by a vmlinux with debug information and the binutils of LLVM or GNU. */
import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Fault, Frame, SourceLine } from './fault.js';
import { addressOf, firstInstalled, readSymbols } from './symbols.js';
import { runTool } from './tool.js';

const ADDR2LINE = ['llvm-addr2line', 'addr2line'] as const;

export interface SymbolizeOptions {
  /** The kernel with debug information that the console is of. */
  vmlinux: string;
  signal?: AbortSignal;
  /** For all of it. Milliseconds; default: 60 000. */
  timeoutMs?: number;
}

export interface Symbolized {
  /** The faults that were given, in their order, their frames with `source` where it is known. */
  faults: Fault[];
  /** Why frames have no `source`, in one line, where that has a reason. */
  problem?: string;
}

/** Never rejects: a report without lines is worth more than none. Frames of modules stay as they are. */
export async function symbolize(faults: readonly Fault[], options: SymbolizeOptions): Promise<Symbolized> {
  const limit = AbortSignal.timeout(options.timeoutMs ?? 60_000);
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  try {
    const symbolized = await addSources(faults, options.vmlinux, signal);
    const frames = symbolized.flatMap((fault) => fault.frames).filter(inKernel);
    if (frames.length === 0 || frames.some(({ source }) => source !== undefined)) return { faults: symbolized };
    throw new Error('is it the kernel of this console, with symbols and debug information?');
  } catch (error) {
    const why = limit.aborted ? 'it took too long' : error instanceof Error ? error.message : String(error);
    return { faults: [...faults], problem: `${options.vmlinux}: no source lines: ${why}` };
  }
}

const inKernel = (frame: Frame): boolean => frame.module === undefined;

async function addSources(faults: readonly Fault[], vmlinux: string, signal: AbortSignal): Promise<Fault[]> {
  await access(vmlinux, constants.R_OK);
  const frames = faults.flatMap((fault) => fault.frames).filter(inKernel);
  if (frames.length === 0) return [...faults];
  const table = await readSymbols(vmlinux, new Set(frames.map((frame) => frame.function)), signal);
  const addresses = new Map<Frame, bigint>();
  for (const frame of frames) {
    const address = addressOf(frame, table);
    if (address !== undefined) addresses.set(frame, address);
  }
  // One run for all reports: the debug information of a kernel takes seconds to open.
  const sources =
    addresses.size === 0 ? new Map<bigint, SourceLine[]>() : await lookUp(new Set(addresses.values()), vmlinux, signal);
  const withSource = (frame: Frame): Frame => {
    const address = addresses.get(frame);
    const source: readonly SourceLine[] = address === undefined ? [] : (sources.get(address) ?? []);
    return source.length === 0 ? frame : { ...frame, source: [...source] };
  };
  return faults.map((fault) => ({ ...fault, frames: fault.frames.map(withSource) }));
}

/** `-a` prints the address before what belongs to it: function and file:line, for each function that is inlined there. */
async function lookUp(
  addresses: ReadonlySet<bigint>,
  vmlinux: string,
  signal: AbortSignal,
): Promise<Map<bigint, SourceLine[]>> {
  const sources = new Map<bigint, SourceLine[]>();
  let current: SourceLine[] = [];
  let name: string | undefined;
  const onLine = (line: string): void => {
    if (/^0x[\da-f]+$/i.test(line)) {
      current = [];
      sources.set(BigInt(line), current);
      name = undefined;
    } else if (name === undefined) name = line;
    else {
      const [, file, number] = /^(.+):(\d+)(?: \(discriminator \d+\))?$/.exec(line) ?? [];
      if (file !== undefined && !file.startsWith('??') && number !== '0') {
        current.push({ function: name, file, line: Number(number) });
      }
      name = undefined;
    }
  };
  const input = [...addresses].map((address) => `0x${address.toString(16)}\n`).join('');
  const args = ['-a', '-f', '-i', '-e', resolve(vmlinux)];
  await firstInstalled(ADDR2LINE, (file) => runTool(file, { args, input, onLine, signal }));
  return sources;
}
