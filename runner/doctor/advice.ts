/** Commands that mend things, as this user has to type them; pure. */
import type { Facts } from './facts.js';

export const asRoot = ({ uid }: Pick<Facts, 'uid'>, command: string): string =>
  uid === 0 ? command : `sudo ${command}`;

/** Debian's and Ubuntu's packages; elsewhere they have other names. */
export function install(facts: Pick<Facts, 'uid' | 'missingTools'>, packages: readonly string[]): string {
  const names = [...new Set(packages)].join(' ');
  if (facts.missingTools.includes('apt-get')) return `install what Debian has as ${names}`;
  return asRoot(facts, `apt-get install ${names}`);
}
