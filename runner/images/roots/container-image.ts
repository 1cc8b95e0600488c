/**
 * Container images: the OCI image layout (image-layout.md, manifest.md, config.md of the image spec) and what
 * `docker save` writes. What they hold was written by others, so each field is checked when it is read.
 */
import type { Architecture } from '../kernels/architecture.js';
import { badRoot } from './bad-root.js';
import { type BlobStore, checkDigest, isDigest, readJson } from './blobs.js';
import { inflate } from './inflate.js';
import type { Layer } from './layers.js';
import { createBudget, type RootLimits } from './limits.js';

/** What an image says of the process to run in it. */
export interface ContainerConfig {
  env: string[];
  entrypoint: string[];
  cmd: string[];
  workingDir: string;
  user: string;
}

export interface ContainerImage {
  layers: Layer[];
  config: ContainerConfig;
}

export interface ContainerRequest {
  /** Name, tag or digest; needed where there are several images. */
  reference?: string | undefined;
  /** What the user may write before `:REFERENCE`. */
  path: string;
  limits: RootLimits;
  /** Of the guest. */
  arch: Architecture;
  signal?: AbortSignal | undefined;
}

/** As the image spec, and Go, have them. */
const GO_ARCH: Readonly<Record<Architecture, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
const platformOf = (arch: Architecture): string => `linux/${GO_ARCH[arch]}`;
/** An index may lead to an index; the spec sets no limit. */
const MAX_NESTING = 4;
const MAX_LAYERS = 1000;

type Json = Record<string, unknown>;
const objectOf = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const textsOf = (value: unknown): string[] => listOf(value).filter((item) => typeof item === 'string');

export interface ImageChoice {
  names: string[];
  platform: string | undefined;
  digest: string;
}

/** Whether the user meant this one: by full name, by what follows a `/` or `:` in it, or by digest. */
function isMeant({ names, digest }: ImageChoice, reference: string): boolean {
  const hex = digest.slice(digest.indexOf(':') + 1);
  if (digest === reference || (reference.length >= 12 && hex.startsWith(reference))) return true;
  return names.some((name) => name === reference || name.endsWith(`/${reference}`) || name.endsWith(`:${reference}`));
}

/** The only one that can be meant. Pure. */
export function chooseImage<T extends ImageChoice>(
  label: string,
  images: readonly T[],
  { reference, path, arch }: Pick<ContainerRequest, 'reference' | 'path' | 'arch'>,
): T {
  if (images.length === 0) throw badRoot(label, 'holds no image');
  const ours = platformOf(arch);
  const fitting = images.filter(({ platform }) => platform === undefined || platform === ours);
  if (fitting.length === 0) {
    const others = [...new Set(images.map(({ platform }) => platform))].join(', ');
    throw badRoot(label, `has no image for ${ours}, only for ${others}`);
  }
  const meant = reference === undefined ? fitting : fitting.filter((image) => isMeant(image, reference));
  const [first] = meant;
  if (first !== undefined && meant.every(({ digest }) => digest === first.digest)) return first;
  const names = fitting.map((image) => image.names[0] ?? image.digest).join(', ');
  if (first === undefined) throw badRoot(label, `holds no image ${reference}; it has ${names}`);
  throw badRoot(label, `holds several images; choose one with --root ${path}:NAME, of ${names}`);
}

function descriptorOf(store: BlobStore, value: unknown) {
  const { digest, size, annotations, platform } = objectOf(value);
  if (!isDigest(digest)) throw badRoot(store.label, 'has a descriptor without a valid digest');
  const named = objectOf(annotations);
  const names = [named['io.containerd.image.name'], named['org.opencontainers.image.ref.name']].map(textOf);
  const { os, architecture } = objectOf(platform);
  return {
    digest,
    size,
    names: names.filter((name) => name !== ''),
    platform: platform === undefined ? undefined : `${textOf(os)}/${textOf(architecture)}`,
  };
}

/** The blob of a descriptor, its size and digest checked. */
async function verified(store: BlobStore, value: unknown, what: string, signal: AbortSignal | undefined) {
  const { digest, size } = descriptorOf(store, value);
  const path = `blobs/${digest.replace(':', '/')}`;
  const blob = await store.find(path);
  if (blob === undefined) throw badRoot(store.label, `lacks the ${what} ${digest}`);
  if (size !== blob.size) throw badRoot(store.label, `the ${what} ${digest} has ${blob.size} bytes, not ${size}`);
  await checkDigest(store.label, `the ${what}`, blob.open(), { expected: digest, signal });
  return { blob, path, digest };
}

/** The image that a layout's index leads to. */
export async function openOciLayout(store: BlobStore, request: ContainerRequest): Promise<ContainerImage> {
  let index = objectOf(await readJson(store, 'index.json'));
  let { reference } = request;
  for (let depth = 0; depth < MAX_NESTING; depth += 1) {
    const images = listOf(index['manifests']).map((value) => ({ ...descriptorOf(store, value), value }));
    const chosen = chooseImage(store.label, images, { ...request, reference });
    const { path } = await verified(store, chosen.value, 'manifest', request.signal);
    const manifest = objectOf(await readJson(store, path));
    if (!Array.isArray(manifest['manifests'])) return openManifest(store, manifest, request);
    // The name was of the index; within it the platform chooses.
    index = manifest;
    reference = undefined;
  }
  throw badRoot(store.label, `has indexes in indexes, more than ${MAX_NESTING} deep`);
}

async function openManifest(
  store: BlobStore,
  manifest: Json,
  { arch, signal }: ContainerRequest,
): Promise<ContainerImage> {
  const described = listOf(manifest['layers']);
  if (described.length > MAX_LAYERS) throw badRoot(store.label, `has more than ${MAX_LAYERS} layers`);
  const { path } = await verified(store, manifest['config'], 'configuration', signal);
  const config = parseConfig(store, await readJson(store, path), arch);
  const layers: Layer[] = [];
  for (const value of described) {
    const { blob, digest } = await verified(store, value, 'layer', signal);
    layers.push({ name: `${store.label} (layer ${digest.slice(0, 19)})`, open: () => blob.open() });
  }
  return { layers, config };
}

/** Whether the JSON of `manifest.json` is that of `docker save`, and not of a program in a plain tarball. */
export const isDockerManifest = (json: unknown): boolean =>
  Array.isArray(json) && json.length > 0 && json.every((image) => Array.isArray(objectOf(image)['Layers']));

/** The image of a `docker save` archive. Its layers have no digests but those of their content, in the configuration. */
export async function openDockerArchive(store: BlobStore, request: ContainerRequest): Promise<ContainerImage> {
  const { signal } = request;
  const images = listOf(await readJson(store, 'manifest.json')).map((value) => {
    const { Config, RepoTags, Layers } = objectOf(value);
    const path = textOf(Config);
    const digest = `sha256:${/[0-9a-f]{64}/.exec(path)?.[0] ?? path}`;
    return { names: textsOf(RepoTags), platform: undefined, digest, path, layers: textsOf(Layers) };
  });
  const image = chooseImage(store.label, images, request);
  const blob = await store.find(image.path);
  if (blob === undefined) throw badRoot(store.label, `lacks the configuration ${image.path}`);
  if (isDigest(image.digest)) {
    await checkDigest(store.label, 'the configuration', blob.open(), { expected: image.digest, signal });
  }
  const json = await readJson(store, image.path);
  const config = parseConfig(store, json, request.arch);
  const expected = textsOf(objectOf(objectOf(json)['rootfs'])['diff_ids']);
  if (expected.length !== image.layers.length || expected.length > MAX_LAYERS || !expected.every(isDigest)) {
    throw badRoot(store.label, `has ${image.layers.length} layers, but valid digests for ${expected.length}`);
  }
  const layers: Layer[] = [];
  for (const [i, path] of image.layers.entries()) {
    layers.push(await dockerLayer(store, path, expected[i] ?? '', request));
  }
  return { layers, config };
}

async function dockerLayer(
  store: BlobStore,
  path: string,
  expected: string,
  { limits, signal }: ContainerRequest,
): Promise<Layer> {
  const blob = await store.find(path);
  if (blob === undefined) throw badRoot(store.label, `lacks the layer ${path}`);
  const name = `${store.label} (layer ${path})`;
  const budget = createBudget(store.label, limits);
  const content = (async function* () {
    for await (const chunk of inflate(blob.open(), { label: name, signal })) {
      budget.addBytes(chunk.length);
      yield chunk;
    }
  })();
  await checkDigest(store.label, `the layer ${path}`, content, { expected, signal });
  return { name, open: () => blob.open() };
}

function parseConfig(store: BlobStore, json: unknown, arch: Architecture): ContainerConfig {
  const { os = 'linux', architecture = GO_ARCH[arch], config } = objectOf(json);
  if (`${os}/${architecture}` !== platformOf(arch)) {
    throw badRoot(store.label, `is built for ${os}/${architecture}, and the guest is to be ${platformOf(arch)}`);
  }
  const { Env, Entrypoint, Cmd, WorkingDir, User } = objectOf(config);
  return {
    env: textsOf(Env),
    entrypoint: textsOf(Entrypoint),
    cmd: textsOf(Cmd),
    workingDir: textOf(WorkingDir),
    user: textOf(User),
  };
}
