/** What `vmtest scan` prints; pure. */
import type { Fault, Frame } from '../results/faults/fault.js';
import { plain } from '../results/plain.js';

/** A fault, and how often it was found. */
export interface FoundFault {
  fault: Fault;
  count: number;
}

/** Frames that are shown to people. */
const SHOWN_FRAMES = 12;

/** A list, one element for each different fault. `line` is where it was found first. */
export function scanJson(found: readonly FoundFault[]): string {
  return `${JSON.stringify(
    found.map(({ fault, count }) => ({ ...fault, count })),
    null,
    2,
  )}\n`;
}

export function scanText(found: readonly FoundFault[]): string {
  if (found.length === 0) return 'no faults\n';
  return found.map(describe).join('\n');
}

function describe({ fault, count }: FoundFault): string {
  const facts = [
    ...(fault.severity === 'note' ? ['only a note'] : []),
    fault.type,
    `line ${fault.line}`,
    ...(count === 1 ? [] : [`${count} times`]),
    `fingerprint ${fault.fingerprint}`,
    ...(fault.taint === undefined || fault.taint === '' ? [] : [`tainted ${fault.taint}`]),
    ...(fault.panic === undefined || fault.type === 'panic' ? [] : [`then a panic: ${fault.panic}`]),
  ];
  const frames = fault.frames.slice(0, SHOWN_FRAMES).map(describeFrame);
  const more = fault.frames.length - frames.length;
  const lines = [fault.title, `  ${facts.join(', ')}`, ...frames, ...(more > 0 ? [`    and ${more} more`] : [])];
  return lines.map((line) => `${plain(line)}\n`).join('');
}

function describeFrame(frame: Frame): string {
  const name = `${frame.function}+0x${frame.offset.toString(16)}/0x${frame.size.toString(16)}`;
  const module = frame.module === undefined ? '' : ` [${frame.module}]`;
  const source = (frame.source ?? []).map(({ file, line }) => `${file}:${line}`).join(', inlined at ');
  return `    ${name}${module}${source === '' ? '' : `  ${source}`}`;
}
