/** Recipes: what an image is to be made of. `guest-images/<name>/recipe.json`; pure but for the reading. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { FLAVOURS, type Flavour } from '../packages.js';
import { printable, quotedText } from '../printable.js';
import { isImageName } from '../store/manifest.js';

export interface Recipe {
  name: string;
  /** MAJOR.MINOR.PATCH, raised with every change of the recipe that changes the image: also that of its npm package. */
  version: string;
  /** One line for `vmtest images list`. */
  description: string;
  /** Which of Debian's kernels. */
  kernel: Flavour;
  root: BusyboxRoot | DebianRoot;
}

/** The user space is in the initial RAM file system, and nothing else is needed. */
export interface BusyboxRoot {
  kind: 'busybox';
}

/** A file system made of Debian's packages. */
export interface DebianRoot {
  kind: 'debian';
  /** Code name of the release. */
  suite: string;
  /** Besides the essential ones; what they depend on comes with them. Also a pattern of apt. */
  packages: readonly string[];
  /**
   * Symbolic links by their absolute paths: what update-alternatives would have made, and what a guest does without
   * (`/dev/null`).
   */
  links: Readonly<Record<string, string>>;
}

type Fail = (why: string) => never;

const FIELDS = ['name', 'version', 'description', 'kernel', 'root'];
const VERSION = /^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){2}$/;
const SUITE = /^[a-z][a-z0-9-]*$/;
/** deb-control(5), Package, and what apt-get takes as a pattern. */
const PACKAGE = /^(?:[a-z0-9][a-z0-9+.-]+|\?[a-z-]+)$/;
const LINK = /^(?:\/[\w.@+-]+)+$/;

/** Throws `VMTEST_RECIPE` with what is wrong. `others`: recipes that this one may be based on. */
export function parseRecipe(label: string, text: string, others: ReadonlyMap<string, Recipe> = new Map()): Recipe {
  const fail: Fail = (why) => {
    throw new VmtestError('VMTEST_RECIPE', `the recipe ${label}: ${why}`);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return fail(`it is no JSON: ${printable((cause as Error).message)}`);
  }
  const value = objectOf(json, 'it', fail);
  checkFields(value, FIELDS, '', fail);
  const field = (name: string): string => textOf(value[name], name, fail);
  const kernel = FLAVOURS.find((flavour) => flavour === value['kernel']);
  if (kernel === undefined) return fail(`kernel is none of ${FLAVOURS.join(', ')}`);
  const name = field('name');
  if (!isImageName(name)) return fail(`${quotedText(name)} is no name of an image`);
  const version = field('version');
  if (!VERSION.test(version)) return fail(`version is ${quotedText(version)} and not like 1.0.0`);
  const root = parseRoot(objectOf(value['root'], 'root', fail), others, fail);
  return { name, version, description: field('description'), kernel, root };
}

function parseRoot(
  root: Readonly<Record<string, unknown>>,
  others: ReadonlyMap<string, Recipe>,
  fail: Fail,
): Recipe['root'] {
  if (root['kind'] === 'busybox') {
    checkFields(root, ['kind'], 'root.', fail);
    return { kind: 'busybox' };
  }
  if (root['kind'] !== 'debian') return fail('root.kind is neither "busybox" nor "debian"');
  checkFields(root, ['kind', 'base', 'suite', 'packages', 'links'], 'root.', fail);
  const base = root['base'] === undefined ? undefined : baseOf(textOf(root['base'], 'root.base', fail), others, fail);
  const suite =
    base !== undefined && root['suite'] === undefined ? base.suite : textOf(root['suite'], 'root.suite', fail);
  if (!SUITE.test(suite)) return fail(`root.suite: ${quotedText(suite)} is no code name of a release`);
  const list = root['packages'];
  if (!Array.isArray(list)) return fail('root.packages is no list');
  const packages = list.map((item, i) => textOf(item, `root.packages[${i}]`, fail));
  const odd = packages.find((name) => !PACKAGE.test(name));
  if (odd !== undefined) return fail(`root.packages: ${quotedText(odd)} is no name of a package`);
  const links = parseLinks(root['links'] ?? {}, fail);
  return {
    kind: 'debian',
    suite,
    packages: [...(base?.packages ?? []), ...packages],
    links: { ...base?.links, ...links },
  };
}

function baseOf(name: string, others: ReadonlyMap<string, Recipe>, fail: Fail): DebianRoot {
  const root = others.get(name)?.root;
  return root?.kind === 'debian'
    ? root
    : fail(`root.base: there is no recipe ${quotedText(name)} with a root of Debian's`);
}

function parseLinks(value: unknown, fail: Fail): Record<string, string> {
  const links: Record<string, string> = {};
  for (const [path, target] of Object.entries(objectOf(value, 'root.links', fail))) {
    if (!LINK.test(path) || path.split('/').some((part) => part === '.' || part === '..')) {
      return fail(`root.links: ${quotedText(path)} is no absolute path`);
    }
    links[path] = textOf(target, `root.links["${path}"]`, fail);
  }
  return links;
}

function objectOf(value: unknown, where: string, fail: Fail): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return fail(`${where} is no object`);
}

function textOf(value: unknown, where: string, fail: Fail): string {
  return typeof value === 'string' && value !== '' ? value : fail(`${where} is missing or no text`);
}

function checkFields(value: object, known: readonly string[], prefix: string, fail: Fail): void {
  const extra = Object.keys(value).find((key) => !known.includes(key));
  if (extra !== undefined) fail(`nobody knows ${quotedText(`${prefix}${extra}`)}`);
}

/** The recipes that came with vmtest, by name. One is read after those it may be based on: in the order of names. */
export async function readRecipes(directory: string): Promise<Map<string, Recipe>> {
  const recipes = new Map<string, Recipe>();
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((each) => each.isDirectory()).map((each) => each.name);
  for (const name of names.sort()) {
    const path = join(directory, name, 'recipe.json');
    const recipe = parseRecipe(path, await readFile(path, 'utf8'), recipes);
    if (recipe.name !== name) {
      throw new VmtestError('VMTEST_RECIPE', `the recipe ${path}: it is called ${quotedText(recipe.name)}`);
    }
    recipes.set(recipe.name, recipe);
  }
  return recipes;
}
