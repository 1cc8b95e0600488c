/** Makes small kernel modules that depmod reads as it reads real ones. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa } from 'execa';

export interface ModuleInput {
  /** Symbols for other modules. */
  exports?: readonly string[];
  /** Symbols of other modules. */
  uses?: readonly string[];
  alias?: string;
}

/** An ELF object with the sections of a module; the rest of the name is the compiler's business. */
export async function makeModule(
  path: string,
  { exports = [], uses = [], alias = 'none' }: ModuleInput,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const source = [
    `const char info[] __attribute__((section(".modinfo"), used)) = "license=GPL\\0alias=${alias}";`,
    `const char names[] __attribute__((section("__ksymtab_strings"), used)) = "${exports.join('\\0')}";`,
    ...exports.map((name) => `void ${name}(void) {}`),
    ...uses.map((name) => `void ${name}(void);`),
    `void init_module(void) { ${uses.map((name) => `${name}();`).join(' ')} }`,
  ].join('\n');
  await execa('gcc', ['-x', 'c', '-c', '-w', '-o', path, '-'], { input: source });
}
