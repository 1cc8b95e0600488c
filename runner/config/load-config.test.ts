import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.js';
import { directoryWith, load, problemsOf } from './testing/write.js';

const SUITES = 'suites:\n  - name: a\n    run: "true"\n';
const MODULE = (body: string) => `const config = ${body};\nexport default config;\n`;

describe('loadConfig', () => {
  it.each([
    [
      'vmtest.config.ts',
      "import { type Name, run } from './lib/run.js';\nconst name: Name = 'a';\nexport default { suites: [{ name, run }] };",
    ],
    ['vmtest.config.mts', "export default Promise.resolve({ suites: [{ name: 'a', run: 'true' }] });"],
    [
      'vmtest.config.js',
      "const run = await Promise.resolve('true');\nexport default { suites: [{ name: 'a', run }] };",
    ],
    [
      'vmtest.config.mjs',
      "import { defineConfig } from 'vmtest';\nexport default defineConfig({ suites: [{ name: 'a', run: 'true' }] });",
    ],
    ['vmtest.config.cjs', "module.exports = { suites: [{ name: 'a', run: 'true' }] };"],
    ['vmtest.config.json', '{ "suites": [{ "name": "a", "run": "true" }] }'],
    ['vmtest.config.yaml', SUITES],
    ['vmtest.config.yml', `\uFEFF${SUITES}`],
  ])('reads %s, and leaves nothing behind', async (name, text) => {
    const cwd = await directoryWith({
      [name]: text,
      'lib/run.ts': "export type Name = string;\nexport const run = 'true';",
    });
    const config = await loadConfig({ cwd });
    expect(config.suites.map(({ name: suite, run }) => [suite, run])).toEqual([['a', 'true']]);
    expect([config.file, config.directory]).toEqual([join(cwd, name), cwd]);
    expect((await readdir(cwd)).sort()).toEqual(['lib', name]);
  });

  it('takes a file or a directory of another name', async () => {
    const cwd = await directoryWith({
      'sub/vmtest.config.yaml': SUITES,
      'ci/kernel.json': '{"suites":[{"name":"b","run":["x"]}]}',
    });
    expect((await loadConfig({ cwd, config: 'sub' })).directory).toBe(join(cwd, 'sub'));
    expect((await loadConfig({ cwd, config: 'ci/kernel.json' })).suites[0]?.name).toBe('b');
  });

  it('reads a module anew each time, with what it imports', async () => {
    const module = "import { name } from './name.js';\nexport default { suites: [{ name, run: 'true' }] };";
    const cwd = await directoryWith({ 'vmtest.config.mjs': module, 'name.ts': "export const name = 'one';" });
    expect((await loadConfig({ cwd })).suites[0]?.name).toBe('one');
    await writeFile(join(cwd, 'name.ts'), "export const name = 'two';");
    expect((await loadConfig({ cwd })).suites[0]?.name).toBe('two');
  });

  it('understands merge keys and anchors', async () => {
    const yaml = 'suites:\n  - &a {name: a, run: "true", retries: 3}\n  - {<<: *a, name: b}\n';
    expect((await load({ 'vmtest.config.yaml': yaml })).suites.map(({ retries }) => retries)).toEqual([3, 3]);
  });
});

describe('which file', () => {
  it.each<[string, Record<string, string>, string | undefined, RegExp]>([
    [
      'none',
      {},
      undefined,
      /^there is no vmtest\.config\.ts here, nor \.js, \.json or \.yaml; `vmtest init` writes one, --config names another$/,
    ],
    ['none in a directory', { 'd/x': '' }, 'd', /^there is no vmtest\.config\.ts in d, nor/],
    [
      'several',
      { 'vmtest.config.yaml': SUITES, 'vmtest.config.ts': '' },
      undefined,
      /^vmtest\.config\.ts and vmtest\.config\.yaml are here together; remove all but one, or choose with --config$/,
    ],
    ['missing', {}, 'x.yaml', /^--config: x\.yaml does not exist$/],
    [
      'of no known kind',
      { 'x.toml': '' },
      'x.toml',
      /^--config: x\.toml ends in none of \.ts \.mts .* \.yml; nobody knows how to read it$/,
    ],
  ])('%s', async (_, files, config, message) => expect((await problemsOf(files, config))[0]).toMatch(message));
});

describe('files that cannot be read', () => {
  it.each<[string, string | Buffer, string]>([
    ['x.yaml', '', 'x.yaml: is empty; `vmtest init` writes a start'],
    ['x.yaml', '# only this\n---\n', 'x.yaml: is empty; `vmtest init` writes a start'],
    ['x.json', ' \n', 'x.json: is empty; `vmtest init --format json` writes a start'],
    ['x.ts', '\n', 'x.ts: is empty; `vmtest init` writes a start'],
    ['x.yaml', 'a: 1\nb: c: d\n', 'x.yaml:2: Nested mappings are not allowed in compact mappings'],
    ['x.yaml', 'retries: 1\nworkers: 1\nretries: 2\n', 'x.yaml:3: a key of this object is there twice'],
    ['x.yaml', `${SUITES}---\n${SUITES}`, 'x.yaml:4: a second document begins here, and a configuration is one'],
    ['x.yaml', 'suites: !shell x\n', 'x.yaml:1: Unresolved tag: !shell'],
    ['x.yaml', 'retries: 1\n? [a]\n: 2\n', 'x.yaml:2: a key that is no text'],
    ['x.yaml', 'suites: *none\n', 'x.yaml:1: *none stands for nothing: there is no &none before it'],
    ['x.yaml', Buffer.from('a: \xff\n', 'latin1'), 'x.yaml: is not a text in UTF-8'],
    ['x.yaml', 'a: 1\nb: \0\n', 'x.yaml:2: has a NUL character'],
    ['x.json', '{\n  "suites": [],\n}\n', `x.json:3: is no JSON: Expected double-quoted property name in JSON`],
    ['x.json', '{\n  // why\n  "suites": []\n}\n', "x.json:2: is no JSON: Expected property name or '}' in JSON"],
    ['x.json', '{\n  "retries": 1,\n  "retries": 2\n}', 'x.json:3: a key of this object is there twice'],
    ['x.ts', 'const a = 1;\n\nexport default { a: , };\n', 'x.ts:3: syntax error: Unexpected token'],
    [
      'x.ts',
      "interface A {\n  x: number;\n}\n\nfunction f(): A {\n  throw new Error('no\\nkernel');\n}\nexport default f();",
      'x.ts:6: threw no kernel',
    ],
    ['x.mjs', 'export default Promise.reject("never");', 'x.mjs: threw never'],
    ['x.mjs', "import { a } from './gone.mjs';\nexport default a;", 'x.mjs: imports ./gone.mjs, which is not there'],
    [
      'x.ts',
      "import a from 'no-such-package-here';\nexport default a;",
      'x.ts: imports no-such-package-here, which is not there; is it installed?',
    ],
    ['x.js', 'export const config = {};', 'x.js: has no default export; write `export default defineConfig({ ... })`'],
    ['x.js', 'export default undefined;', 'x.js: has no default export; write `export default defineConfig({ ... })`'],
    ['x.js', 'export default () => ({ suites: [] });', 'x.js: is a function, and not a plain value'],
    [
      'x.js',
      "export default { suites: [{ name: 'a', run: 'x', expect: [{ outcome: 'skip', reason: 'r', expires: new Date() }] }] };",
      'x.js:1: suites[0].expect[0].expires: is a Date, and not a plain value',
    ],
    ['x.js', 'const a = { guest: {} };\na.guest.root = a;\nexport default a;', 'x.js: guest.root: contains itself'],
    ['x.js', "export default { ['__proto__']: {} };", 'x.js: has the key "__proto__", which no object may have'],
    [
      'x.js',
      'export default { __proto__: { suites: [] } };',
      'x.js: is an object with a prototype of its own, and not a plain value',
    ],
    [
      'x.json',
      '{\n  "guest": {\n    "__proto__": 1\n  }\n}',
      'x.json:2: guest: has the key "__proto__", which no object may have',
    ],
    [
      'x.yaml',
      'guest:\n  __proto__: {cpus: 1}\n',
      'x.yaml:1: guest: has the key "__proto__", which no object may have',
    ],
  ])('%s: %j', async (name, text, message) => {
    const [told] = await problemsOf({ [name]: text }, name);
    expect(told).toBe(told?.startsWith(message) ? told : message);
  });

  it('tells an import that a module of the configuration lacks', async () => {
    const files = { 'x.ts': "import './lib.js';\nexport default {};", 'lib.ts': "import './gone.js';" };
    expect((await problemsOf(files, 'x.ts'))[0]).toMatch(
      /^x\.ts: imports \.\/gone\.js, which is not there \(imported by .*\/lib\.ts\)$/,
    );
  });

  it('tells a syntax error of a module that the configuration imports', async () => {
    const files = { 'x.ts': "import './lib.js';\nexport default {};", 'lib.ts': 'const a = 1;\nconst b = ;\n' };
    expect((await problemsOf(files, 'x.ts'))[0]).toMatch(/^x\.ts: syntax error in \/.*\/lib\.ts:2: Unexpected token/);
  });

  it('survives a bomb of aliases', async () => {
    const levels = 'abcdefghi'.split('').map((name, index) => {
      const below = 'abcdefghi'[index - 1];
      return `${name}: &${name} [${Array(9)
        .fill(below === undefined ? '1' : `*${below}`)
        .join(',')}]`;
    });
    expect((await problemsOf({ 'x.yaml': levels.join('\n') }, 'x.yaml'))[0]).toMatch(
      /^x\.yaml: its aliases stand for more than a configuration has/,
    );
  });
});

describe('where it is, and what is there', () => {
  it('names the line of each problem, in the order of the file', async () => {
    const yaml = [
      'retrys: 1',
      'workers: lots',
      'suites:',
      '  - name: a',
      '    run: "true"',
      '    retries: 1.5',
      '  - run: [""]',
    ].join('\n');
    expect(await problemsOf({ 'vmtest.config.yaml': yaml })).toEqual([
      'vmtest.config.yaml:1: retrys: no such key; did you mean retries?',
      'vmtest.config.yaml:2: workers: "lots" is not auto, a number from 1 to 10000, or a share of the CPUs like 50%',
      'vmtest.config.yaml:6: suites[0].retries: 1.5 is not a whole number from 0 to 100',
      'vmtest.config.yaml:7: suites[1].name: is missing; it must be a name of 1 to 100 characters without *, " > " and " #1"',
      'vmtest.config.yaml:7: suites[1].run: [""] is not a list that begins with a program',
    ]);
  });

  it('finds the line in a program only where there is no doubt', async () => {
    const twice = MODULE(
      "{\n  // retries: 1.5,\n  suites: [\n    { name: 'a', run: 'x',\n      retries: 1.5 },\n    { name: 'b', run: 'x', timeouts: { boot: 0 } },\n    { name: 'c', run: 'x', timeouts: { boot: 0 } },\n  ],\n}",
    );
    expect(await problemsOf({ 'x.mjs': twice }, 'x.mjs')).toEqual([
      'x.mjs:5: suites[0].retries: 1.5 is not a whole number from 0 to 100',
      'x.mjs: suites[1].timeouts.boot: 0 is not a duration like 500ms, 30s, 2m or 1h, or a number of milliseconds, up to 24 days',
      'x.mjs: suites[2].timeouts.boot: 0 is not a duration like 500ms, 30s, 2m or 1h, or a number of milliseconds, up to 24 days',
    ]);
    const computed =
      'const retries = 3 / 2;\nexport default { retries, suites: [{ name: `a`, run: `retries: 1.5` }] };';
    expect(await problemsOf({ 'x.mjs': computed }, 'x.mjs')).toEqual([
      'x.mjs: retries: 1.5 is not a whole number from 0 to 100',
    ]);
  });

  it('tells ten problems of many', async () => {
    const yaml = `suites:\n${'  - {name: a, run: "x", retries: -1}\n'.repeat(12)}`;
    const told = await problemsOf({ 'x.yaml': yaml }, 'x.yaml');
    expect([told.length, told.at(-1)]).toEqual([11, 'and 2 more']);
  });
});
