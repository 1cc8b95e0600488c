/** Kernel configurations (Documentation/kbuild/kconfig.rst); pure. */

/** Values by symbol without `CONFIG_`: `y`, `m`, a number or a text. Symbols that are not set are not there. */
export type KernelConfig = ReadonlyMap<string, string>;

/** What is no setting is passed over: comments, and lines of releases to come. */
export function parseConfig(text: string): KernelConfig {
  const config = new Map<string, string>();
  for (const [, symbol, value] of text.matchAll(/^CONFIG_(\w+)=(.*?)\r?$/gm)) {
    if (symbol === undefined || value === undefined) continue;
    // A later line wins, as it does for Kconfig. `=n` is what merged fragments have for "is not set".
    if (value === 'n') config.delete(symbol);
    else config.set(symbol, unquoted(value));
  }
  return config;
}

function unquoted(value: string): string {
  const quoted = /^"(.*)"$/.exec(value)?.[1];
  return quoted === undefined ? value : quoted.replace(/\\(.)/g, '$1');
}
