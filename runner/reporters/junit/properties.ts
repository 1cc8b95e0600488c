/** What a `<testsuite>` says of the guest that it ran in. Pure. */
import { totalOf } from '../../results/suite-result.js';
import type { FinishedJob } from '../finished-jobs.js';
import { xmlLine } from './xml-text.js';

export function propertiesOf({ info, guest, end, earlier, verdict, counts, cases }: FinishedJob): [string, string][] {
  const left = totalOf(counts) - cases.length;
  const properties: [string, string | undefined][] = [
    ['cell', info.cell],
    ['suite', info.suite],
    ['verdict', verdict],
    ['kernel', guest?.kernelRelease],
    ['arch', guest?.arch],
    ['engine', guest?.engine],
    ['engine.reason', guest?.engineReason],
    ['engine.time-scale', guest?.timeScale?.toString()],
    ['image', guest?.image?.name],
    ['image.digest', guest?.image?.digest],
    ...Object.entries(info.axes).map(([axis, label]): [string, string] => [`axis.${axis}`, label]),
    ['attempts', String(earlier.length + 1)],
    ['exit-code', end?.exitCode === undefined ? undefined : String(end.exitCode)],
    ['repeat', end?.repeat],
    ['cases-left-out', left > 0 ? String(left) : undefined],
  ];
  return properties.flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[xmlLine(name), xmlLine(value)]],
  );
}
