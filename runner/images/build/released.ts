/** The manifests that vmtest was released with, and how an image differs from its one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../kernels/architecture.js';
import { type Manifest, parseManifest } from '../store/manifest.js';

/** `guest-images/NAME/manifest.ARCH.json`; undefined when the release had no such image. */
export async function releasedManifest(
  recipes: string,
  { name, arch }: { name: string; arch: Architecture },
): Promise<Manifest | undefined> {
  const path = join(recipes, name, `manifest.${arch}.json`);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseManifest(path, text);
}

/**
 * The packages in which two manifests differ, as `name OLD -> NEW`, and the files that differ where no package does.
 * Empty for equal ones; pure.
 */
export function differences(released: Manifest, built: Manifest): string[] {
  const parts = compare(
    released.parts.map(({ name, version }) => [name, version]),
    built.parts.map(({ name, version }) => [name, version]),
  );
  if (parts.length > 0) return parts;
  const files = ({ files }: Manifest) => files.map(({ path, sha256 }) => [path, sha256.slice(0, 12)] as const);
  return compare(files(released), files(built));
}

type Pairs = readonly (readonly [name: string, value: string])[];

function compare(before: Pairs, after: Pairs): string[] {
  const old = new Map(before);
  const now = new Map(after);
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names
    .filter((name) => old.get(name) !== now.get(name))
    .map((name) => `${name} ${old.get(name) ?? 'none'} -> ${now.get(name) ?? 'none'}`);
}
