/** Makes archives for tests, good and hostile ones, header by header as they are to be. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { paxRecord, tarPadding } from '../tar-write.js';

export interface TestEntry {
  name: string;
  /** `0` file, `1` hard link, `2` symbolic link, `3` character device, `5` directory, ... */
  flag?: string;
  data?: string | Buffer;
  target?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  mtime?: number;
  /** What the header says, where that is to be a lie. */
  size?: number;
  major?: number;
  minor?: number;
  pax?: Record<string, string | Buffer>;
}

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

function header(entry: TestEntry, size: number): Buffer {
  const block = Buffer.alloc(512);
  const put = (text: string, at: number) => block.write(text, at);
  const flag = entry.flag ?? '0';
  put(entry.name, 0);
  put(octal(entry.mode ?? (flag === '5' ? 0o755 : 0o644), 8), 100);
  put(octal(entry.uid ?? 0, 8), 108);
  put(octal(entry.gid ?? 0, 8), 116);
  put(octal(size, 12), 124);
  put(octal(entry.mtime ?? 1_000_000_000, 12), 136);
  put(flag, 156);
  put(entry.target ?? '', 157);
  put('ustar\x0000', 257);
  put(octal(entry.major ?? 0, 8), 329);
  put(octal(entry.minor ?? 0, 8), 337);
  put(' '.repeat(8), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function record(key: string, value: string | Buffer): Buffer {
  if (typeof value === 'string') return paxRecord(`${key}=${value}`);
  // Bytes that are no text: the length is that of a text of as many bytes.
  const [length] = paxRecord(`${key}=${'x'.repeat(value.length)}`)
    .toString()
    .split(' ');
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

export function makeTar(entries: readonly TestEntry[], { end = true } = {}): Buffer {
  const pieces: Buffer[] = [];
  for (const entry of entries) {
    if (entry.pax !== undefined) {
      const records = Buffer.concat(Object.entries(entry.pax).map(([key, value]) => record(key, value)));
      pieces.push(header({ name: 'pax', flag: 'x' }, records.length), records, tarPadding(records.length));
    }
    const data = Buffer.from(entry.data ?? '');
    pieces.push(header(entry, entry.size ?? data.length), data, tarPadding(data.length));
  }
  return Buffer.concat([...pieces, Buffer.alloc(end ? 1024 : 0)]);
}

export const sha256Of = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');

export interface TestImage {
  layers: Buffer[];
  tags?: string[];
  architecture?: string;
  config?: Record<string, unknown>;
}

const configOf = (image: TestImage): Buffer =>
  Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: image.architecture ?? 'amd64',
      config: image.config ?? {},
      rootfs: { type: 'layers', diff_ids: image.layers.map((layer) => `sha256:${sha256Of(layer)}`) },
    }),
  );

/** The files of a `docker save` archive as it was before OCI layouts. */
export function dockerFiles(images: readonly TestImage[]): TestEntry[] {
  const entries: TestEntry[] = [];
  const manifest = images.map((image) => {
    const config = configOf(image);
    const Config = `${sha256Of(config)}.json`;
    entries.push({ name: Config, data: config });
    const Layers = image.layers.map((layer) => {
      const name = `${sha256Of(layer)}/layer.tar`;
      entries.push({ name, data: layer });
      return name;
    });
    return { Config, RepoTags: image.tags ?? null, Layers };
  });
  return [...entries, { name: 'manifest.json', data: JSON.stringify(manifest) }];
}

/** The files of an OCI layout; layers are compressed. */
export function ociFiles(images: readonly TestImage[]): TestEntry[] {
  const entries: TestEntry[] = [{ name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' }];
  const add = (data: Buffer, mediaType: string) => {
    entries.push({ name: `blobs/sha256/${sha256Of(data)}`, data });
    return { mediaType, digest: `sha256:${sha256Of(data)}`, size: data.length };
  };
  const manifests = images.map((image) => {
    const config = add(configOf(image), 'application/vnd.oci.image.config.v1+json');
    const layers = image.layers.map((layer) => {
      return add(gzipSync(layer), 'application/vnd.oci.image.layer.v1.tar+gzip');
    });
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers }));
    const described = add(manifest, 'application/vnd.oci.image.manifest.v1+json');
    const [tag] = image.tags ?? [];
    const platform = { os: 'linux', architecture: image.architecture ?? 'amd64' };
    const annotations = tag === undefined ? {} : { 'org.opencontainers.image.ref.name': tag };
    return { ...described, platform, annotations };
  });
  return [...entries, { name: 'index.json', data: JSON.stringify({ schemaVersion: 2, manifests }) }];
}
