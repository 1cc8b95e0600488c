// Kernel configurations as text. Pure.

/**
 * The settings of a fragment that a configuration does not have: Kconfig drops without an error what something
 * else does not allow.
 * @type {(config: string, fragment: string) => string[]}
 */
export function unmet(config, fragment) {
  const lines = new Set(config.split('\n'));
  return fragment.split('\n').filter((line) => line.startsWith('CONFIG_') && !lines.has(line));
}
