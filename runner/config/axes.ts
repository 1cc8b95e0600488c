/** The axes of a configuration. Pure. */
import { type ConfigPath, configProblem, pathText } from '../plan/config-problem.js';
import { type Axis, type AxisValue, BUILT_IN_AXES } from '../plan/matrix.js';
import { archValue, cpusValue, imageValue, kernelValue, memoryValue, objectValue } from './axis-values.js';
import type { GuestConfig } from './schema/guest.js';
import { LABEL, LABEL_RULE } from './schema/values.js';
import type { VmtestConfig } from './vmtest-config.js';

/** A value, and where it is written. */
interface Entry {
  value: AxisValue;
  path: ConfigPath;
}

/** In the order of cells' names. Throws `VMTEST_CONFIG` for two values of an axis that have a label, or a meaning, in common. */
export function axesOf(config: VmtestConfig, directory: string): Axis[] {
  const { kernels, images, arch, cpus, memory, axes = {} } = config;
  const kernel = (text: string): AxisValue => kernelValue(text, directory);
  const list = <Item>(key: string, items: readonly Item[] | undefined, read: (item: Item) => AxisValue): Entry[] =>
    (items ?? []).map((item, index) => ({ value: read(item), path: [key, index] }));
  return [
    axis('kernel', entriesOf('kernels', kernels, kernel, directory)),
    axis('image', entriesOf('images', images, imageValue, directory).map(checkImage)),
    axis('arch', list('arch', arch, archValue)),
    axis('cpus', list('cpus', cpus, cpusValue)),
    axis('memory', list('memory', memory, memoryValue)),
    ...Object.entries(axes).map(([name, labels]) => ownAxis(name, labels, directory)),
  ].flatMap((each) => (each === undefined ? [] : [each]));
}

type Entries = VmtestConfig['kernels'];

/** A list of texts and named objects, or an object of labels. */
function entriesOf(key: string, given: Entries, read: (text: string) => AxisValue, directory: string): Entry[] {
  if (given === undefined) return [];
  if (Array.isArray(given)) {
    return given.map((item, index) => {
      if (typeof item === 'string') return { value: read(item), path: [key, index] };
      const { name, ...guest } = item;
      return { value: objectValue(name, guest, directory), path: [key, index] };
    });
  }
  const entries = Object.entries(given).map(([label, item]): Entry => {
    const value = typeof item === 'string' ? { label, guest: read(item).guest } : objectValue(label, item, directory);
    return { value, path: [key, label] };
  });
  if (entries.length === 0) throw configProblem([key], 'has no label');
  return entries;
}

/** A label alone would give every one of them the default image. */
function checkImage(entry: Entry): Entry {
  const { image, root, initrd } = entry.value.guest;
  if (image !== undefined || root !== undefined || initrd !== undefined) return entry;
  throw configProblem(entry.path, `"${entry.value.label}" is only a label here; say image, root or initrd, too`);
}

function axis(name: (typeof BUILT_IN_AXES)[number], entries: readonly Entry[]): Axis | undefined {
  const labels = new Map<string, Entry>();
  const meanings = new Map<string, Entry>();
  for (const entry of entries) {
    const { label, guest } = entry.value;
    if (!LABEL.test(label)) {
      const advice = `give it one: {name: ..., ${name}: ...}`;
      throw configProblem(entry.path, `${JSON.stringify(label)} is no label of ${LABEL_RULE}; ${advice}`);
    }
    const twin = labels.get(label);
    if (twin !== undefined) {
      const advice = name === 'kernel' || name === 'image' ? `; name one of them: {name: ..., ${name}: ...}` : '';
      throw configProblem(entry.path, `its label is "${label}", as that of ${pathText(twin.path)} is${advice}`);
    }
    labels.set(label, entry);
    const meaning = JSON.stringify(Object.entries(guest).sort());
    const same = meanings.get(meaning);
    if (same !== undefined)
      throw configProblem(entry.path, `is the same as ${pathText(same.path)}: ${same.value.label}`);
    meanings.set(meaning, entry);
  }
  return entries.length === 0 ? undefined : { name, values: entries.map(({ value }) => value) };
}

/** Two labels of it may mean the same guest: conditions and overrides can tell them apart. */
function ownAxis(name: string, labels: Readonly<Record<string, GuestConfig>>, directory: string): Axis {
  if (BUILT_IN_AXES.some((known) => known === name)) {
    const key = name === 'kernel' || name === 'image' ? `${name}s` : name;
    throw configProblem(['axes', name], `is an axis by itself; write it as ${key}`);
  }
  const values = Object.entries(labels).map(([label, guest]) => objectValue(label, guest, directory));
  if (values.length === 0) throw configProblem(['axes', name], 'has no label');
  return { name, values };
}
