/** `vmtest scan`: the faults in a console log. */
import { createReadStream } from 'node:fs';
import { VmtestError } from '../errors.js';
import { createFaultDetector } from '../results/faults/detector.js';
import type { Fault } from '../results/faults/fault.js';
import { createLineReader } from '../results/faults/lines.js';
import { symbolize } from '../results/faults/symbolize.js';
import type { ScanCommand } from './command.js';
import { type FoundFault, scanJson, scanText } from './scan-report.js';

/** Different faults of which is kept what they say; of more only the number is told. */
const MAX_DIFFERENT = 1000;

/** 1 when a fault was found, 0 when not. Notes are printed and do not count. */
export async function scan(command: ScanCommand, signal: AbortSignal): Promise<number> {
  const { found, dropped } = await readFaults(command.file, signal);
  const kept = [...found].sort((a, b) => a.fault.line - b.fault.line);
  if (command.vmlinux !== undefined) {
    const faults = kept.map(({ fault }) => fault);
    const symbolized = await symbolize(faults, { vmlinux: command.vmlinux, signal });
    signal.throwIfAborted();
    for (const [index, fault] of symbolized.faults.entries()) Object.assign(kept[index] ?? {}, { fault });
    if (symbolized.problem !== undefined) process.stderr.write(`vmtest: warning: ${symbolized.problem}\n`);
  }
  process.stdout.write(command.json ? scanJson(kept) : scanText(kept));
  if (dropped > 0) process.stderr.write(`vmtest: warning: ${dropped} more faults are not shown\n`);
  return kept.some(({ fault }) => fault.severity === 'fault') ? 1 : 0;
}

async function readFaults(file: string, signal: AbortSignal): Promise<{ found: FoundFault[]; dropped: number }> {
  const found = new Map<string, FoundFault>();
  let dropped = 0;
  const onFault = (fault: Fault): void => {
    const key = `${fault.fingerprint} ${fault.title}`;
    const known = found.get(key);
    if (known !== undefined) known.count += 1;
    else if (found.size < MAX_DIFFERENT) found.set(key, { fault, count: 1 });
    else dropped += 1;
  };
  const detector = createFaultDetector({ onFault });
  const reader = createLineReader(detector.line);
  try {
    const input = file === '-' ? process.stdin : createReadStream(file);
    for await (const chunk of input) {
      signal.throwIfAborted();
      reader.write(chunk as Buffer);
    }
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new VmtestError('VMTEST_BAD_INPUT', `${file}: ${(cause as Error).message}`, { cause });
  }
  reader.end();
  detector.end();
  return { found: [...found.values()], dropped };
}
