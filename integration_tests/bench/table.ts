/** The bench's figures for people. */

export interface Row {
  what: string;
  vmtest: string;
  /** The figure of the other program in the same run, where there is one. */
  other: string;
  /** What the first is of the second, or what it is measured against. */
  verdict: string;
}

/** `other` says what the second column is of. */
export function formatTable(rows: readonly Row[], other = ''): string {
  const header: Row = { what: 'measured', vmtest: 'vmtest', other, verdict: '' };
  const all = [header, ...rows];
  const width = (key: keyof Row): number => Math.max(...all.map((row) => row[key].length));
  const widths = { what: width('what'), vmtest: width('vmtest'), other: width('other') };
  const line = (row: Row): string =>
    [row.what.padEnd(widths.what), row.vmtest.padStart(widths.vmtest), row.other.padStart(widths.other), row.verdict]
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which `percent` of a sorted list lies. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
