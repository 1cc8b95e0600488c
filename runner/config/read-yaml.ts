/** Configurations in YAML and JSON, which the same library reads: it knows where everything stands. */
import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
  type Document as YamlDocument,
} from 'yaml';
import type { ConfigPath } from '../plan/config-problem.js';
import { type Document, fileProblem } from './document.js';

/** Aliases of an honest file; a bomb has millions. */
const MAX_ALIASES = 1000;

/** YAML 1.2 with merge keys (`<<`). Throws `VMTEST_CONFIG` for what is no YAML, and for an empty file. */
export function readYaml(text: string): Document {
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const [error] = [...parsed.errors, ...parsed.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (error !== undefined) throw fileProblem(told(error), lineAt(error.pos[0]));
  const root = parsed.contents;
  if (root === null || (isScalar(root) && root.value === null))
    throw fileProblem('is empty; `vmtest init` writes a start');
  checkNodes(parsed, lineAt);
  let value: unknown;
  try {
    value = parsed.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw fileProblem(`its aliases stand for more than a configuration has: ${cause.message}`, undefined, cause);
  }
  return { value, lineOf: (path) => lineOf(root, path, lineAt) };
}

/** Strict JSON. Throws as `readYaml`. */
export function readJson(text: string): Document {
  if (text.trim() === '') throw fileProblem('is empty; `vmtest init --format json` writes a start');
  try {
    JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    const position = / at position (\d+)/.exec(message)?.[1];
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split('\n').length;
    const what = message.replace(/ at position \d+.*$/s, '').replace(/\s+/g, ' ');
    throw fileProblem(`is no JSON: ${what}`, line ?? lineOfYamlError(text), cause);
  }
  return readYaml(text);
}

/** Where the other reader stumbles over what JSON.parse refuses without saying where. */
function lineOfYamlError(text: string): number | undefined {
  const lines = new LineCounter();
  const [error] = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: 'json' }).errors;
  return error === undefined ? undefined : lines.linePos(error.pos[0]).line;
}

function told({ code, message }: YAMLError): string {
  if (code === 'DUPLICATE_KEY') return 'a key of this object is there twice';
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here, and a configuration is one';
  return message.replace(/\s+/g, ' ');
}

function lineOf(root: Node, path: ConfigPath, lineAt: (offset: number) => number): number | undefined {
  let node: unknown = root;
  let offset = root.range?.[0];
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!isPair(pair) || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      const item: unknown = node.items[key];
      const range = (item as Node | null | undefined)?.range;
      offset = range?.[0] ?? offset;
      node = item;
    } else break;
    if (isAlias(node)) break;
  }
  return offset === undefined ? undefined : lineAt(offset);
}

/** What the library would tell without a line, or only warn of. */
function checkNodes(document: YamlDocument.Parsed, lineAt: (offset: number) => number): void {
  const anchors = new Set<string>();
  visit(document, {
    Node: (_, { anchor }) => void (anchor === undefined || anchors.add(anchor)),
    Pair: (_, { key }) => {
      if (isCollection(key)) throw fileProblem('a key that is no text', lineAt(key.range?.[0] ?? 0));
    },
    Alias: (_, { source, range }) => {
      if (anchors.has(source)) return;
      throw fileProblem(`*${source} stands for nothing: there is no &${source} before it`, lineAt(range?.[0] ?? 0));
    },
  });
}
