/** `--watch`: waits until something that a run is made of has changed. */
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { abortReason } from '../deadline.js';
import { isFlavour } from '../images/packages.js';
import type { Job } from '../plan/plan.js';

/** Changes come in bursts: a build, an editor that saves. Milliseconds without another one. */
const SETTLED_MS = 300;

/** The files and directories of the host that the jobs are made of. Absolute, each once. */
export function watchedPaths(config: string, jobs: readonly Job[]): string[] {
  const paths = new Set([config]);
  for (const { cell, suite } of jobs) {
    const { kernel, initrd, modules, root, disks = [], mounts = [] } = cell.guest;
    if (kernel !== undefined && !isFlavour(kernel)) paths.add(kernel);
    for (const path of [initrd, modules, root?.path]) if (path !== undefined) paths.add(path);
    for (const { path, mode } of disks) if (mode !== 'rw') paths.add(path);
    for (const { host, mode } of mounts) if (mode === 'ro') paths.add(host);
    // The directory that a pattern looks into.
    for (const { source } of suite.copyIn) paths.add(source.replace(/\/[^/]*[*?[].*$/s, '') || '/');
  }
  return [...paths];
}

/** The path that has changed. Rejects with the reason of the signal. */
export async function waitForChange(paths: readonly string[], signal: AbortSignal): Promise<string> {
  const watchers: FSWatcher[] = [];
  try {
    const directories = new Set(
      (await Promise.all(paths.map(async (path) => ((await isDirectory(path)) ? [path] : [])))).flat(),
    );
    return await new Promise<string>((resolve, reject) => {
      signal.throwIfAborted();
      signal.addEventListener('abort', () => reject(abortReason(signal)), { once: true });
      let timer: NodeJS.Timeout | undefined;
      const changed = (path: string): void => {
        clearTimeout(timer);
        timer = setTimeout(() => resolve(path), SETTLED_MS);
      };
      for (const path of paths) watchers.push(watchPath(path, directories.has(path), changed));
    });
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

/**
 * A file is watched through its directory: who saves it mostly puts another one in its place. Of a directory only its own
 * entries are watched: a build tree has thousands of directories, and a build of it writes vmlinux at the top.
 */
function watchPath(path: string, isDirectory: boolean, changed: (path: string) => void): FSWatcher {
  const name = basename(path);
  const watcher = watch(isDirectory ? path : existing(dirname(path)), (_, file) => {
    if (isDirectory || file === null || file === name || !existsSync(dirname(path))) changed(path);
  });
  watcher.on('error', () => changed(path));
  return watcher;
}

/** Where it would appear: the nearest directory that is there. */
function existing(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory ? directory : existing(dirname(directory));
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
