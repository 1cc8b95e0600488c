/** A kernel that was found in what the user named. */
import type { Architecture } from './architecture.js';

export interface LocatedKernel {
  /** The file of the kernel, as it was built. */
  image: string;
  /** What the user knows it by. */
  label: string;
  /** `uname -r`, where it is known without the image. */
  release?: string;
  /** Its configuration, where it is known without a search. */
  config?: string;
  /**
   * Finds its `lib/modules/RELEASE`, made ready to be read; `release` is the one that the image tells.
   * Undefined when there is none. May take long, so it is asked for only where it is needed.
   */
  modules?(release: string | undefined): Promise<string | undefined>;
}

/** For work that may take long: unpacking, depmod. */
export interface WorkOptions {
  signal?: AbortSignal | undefined;
  /** Says what takes long. */
  onProgress?: ((message: string) => void) | undefined;
}

export interface LocateOptions extends WorkOptions {
  /** What the guest is to be, where a tree has kernels for several. */
  arch: Architecture;
}

/** A release becomes the name of a directory, so nothing else may pass for one. */
export const isRelease = (text: string): boolean => /^\d+\.\d+[\w.+~-]*$/.test(text);
