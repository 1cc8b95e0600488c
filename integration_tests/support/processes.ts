/** Processes as /proc shows them. */
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessInfo {
  pid: number;
  parent: number;
  name: string;
}

/** Every process that is not a zombie. */
export async function listProcesses(): Promise<ProcessInfo[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(readProcess));
  return found.filter((process) => process !== null);
}

/** proc(5), /proc/pid/stat: "pid (name) state ppid ...", where the name may hold anything. */
async function readProcess(pid: number): Promise<ProcessInfo | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const match = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat);
  if (match?.[1] === undefined || match[2] === 'Z') return null;
  return { pid, parent: Number(match[3]), name: match[1] };
}

/** The `vmtest-vmm` processes that `parent` started. */
export async function vmmsOf(parent: number | undefined): Promise<number[]> {
  const all = await listProcesses();
  return all.filter((process) => process.parent === parent && process.name === 'vmtest-vmm').map(({ pid }) => pid);
}

/** Every process that `parent` started: of a guest's engine, in specs. */
export async function childrenOf(parent: number | undefined): Promise<number[]> {
  return (await listProcesses()).filter((process) => process.parent === parent).map(({ pid }) => pid);
}

export async function isRunning(pid: number): Promise<boolean> {
  return (await readProcess(pid)) !== null;
}
