/** Addresses of functions, out of the symbol table of a vmlinux. */
import { resolve } from 'node:path';
import type { Frame } from './fault.js';
import { runTool } from './tool.js';

/** In the order of preference: LLVM's read the files of every architecture. */
const NM = ['llvm-nm', 'nm'] as const;

interface Symbol {
  address: bigint;
  size: number;
}

export type SymbolTable = ReadonlyMap<string, readonly Symbol[]>;

/** Only what is wanted is kept: a kernel has a hundred thousand symbols. Throws `VMTEST_TOOL`. */
export async function readSymbols(
  vmlinux: string,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<SymbolTable> {
  const table = new Map<string, Symbol[]>();
  const onLine = (line: string): void => {
    const [, address, size, name] = /^([\da-f]{1,16}) (?:([\da-f]{1,16}) )?[tTwWvV] (\S+)$/.exec(line) ?? [];
    if (name === undefined || !wanted.has(name)) return;
    const symbol = { address: BigInt(`0x${address}`), size: size === undefined ? 0 : Number.parseInt(size, 16) };
    table.set(name, [...(table.get(name) ?? []), symbol]);
  };
  await firstInstalled(NM, (file) => runTool(file, { args: ['--print-size', resolve(vmlinux)], onLine, signal }));
  return table;
}

/**
 * Where the frame's function is in the file; a kernel that was moved (KASLR) makes no difference. Several functions may
 * have one name: the size tells them apart, or nothing does. kallsyms counts the padding behind a function to its size.
 */
export function addressOf(frame: Frame, table: SymbolTable): bigint | undefined {
  const candidates = (table.get(frame.function) ?? []).filter(({ size }) => size === 0 || size <= frame.size);
  const nearest = Math.max(...candidates.map(({ size }) => size));
  const [found, ...others] = new Set(candidates.filter(({ size }) => size === nearest).map(({ address }) => address));
  if (found === undefined || others.length > 0) return undefined;
  // A call returns to the instruction behind it, which may be another line's.
  return found + BigInt(frame.exact === true || frame.offset === 0 ? frame.offset : frame.offset - 1);
}

/** Tries the tools until one is installed. */
export async function firstInstalled<T>(files: readonly string[], run: (file: string) => Promise<T>): Promise<T> {
  let missing: unknown;
  for (const file of files) {
    try {
      return await run(file);
    } catch (error) {
      missing = error;
      if (!String(error).includes('not installed')) throw error;
    }
  }
  throw missing;
}
