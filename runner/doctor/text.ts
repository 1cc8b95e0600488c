/** The report as one screen; pure. */
import type { Style } from '../reporters/terminal/style.js';
import { plain } from '../results/plain.js';
import type { DoctorReport, Finding, FindingStatus, Pair } from './report.js';

const paintStatus = (style: Style, status: FindingStatus, text: string): string =>
  ({ ok: style.good, note: style.quiet, warning: style.odd, problem: style.bad })[status](text);

export function doctorText({ host, runnable, guests, findings, facts }: DoctorReport, style: Style): string {
  const engines = guests.filter(({ guest, runs }) => guest === host && runs).map(({ engine }) => engine);
  const who = host ?? `${plain(facts.machine)}, which vmtest does not know`;
  const verdict = runnable
    ? style.good(`guests for ${who} run here: ${engines.join(', ')}`)
    : style.bad(`no guest for ${who} can run here`);
  const width = Math.max(...findings.map(({ id }) => id.length));
  return [
    `${style.strong(`vmtest ${plain(facts.vmtest)}`)} on Linux ${plain(facts.kernel)}: ${verdict}`,
    '',
    style.strong('Guests'),
    ...guests.map((pair) => pairLine(pair, style)),
    '',
    style.strong('Machine'),
    ...findings.flatMap((found) => findingLines(found, width, style)),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function pairLine({ guest, engine, runs, reason }: Pair, style: Style): string {
  const answer = runs ? style.good('yes') : style.quiet('no ');
  return `  ${answer}  ${guest.padEnd(7)}  ${engine.padEnd(6)}  ${plain(reason)}`;
}

const STATUS_WIDTH = 'problem'.length;

function findingLines({ id, status, message, fix }: Finding, width: number, style: Style): string[] {
  const shown = paintStatus(style, status, status.padEnd(STATUS_WIDTH));
  const indent = ' '.repeat(2 + STATUS_WIDTH + 2 + width + 2);
  return [
    `  ${shown}  ${id.padEnd(width)}  ${plain(message)}`,
    ...(fix === undefined ? [] : [`${indent}${style.strong(`-> ${plain(fix)}`)}`]),
  ];
}
