/** Titles out of templates (`Rule.title`). */

/** Characters. */
const MAX_TITLE = 200;

export type Facts = Readonly<Record<string, string | undefined>>;

/** `{a|b}` is the first of the facts that is known; `[...]` is left out where none is. */
export function fillTitle(template: string, facts: Facts): string {
  const fill = (part: string): string | undefined => {
    let complete = true;
    const filled = part.replace(/\{([\w|]+)\}/g, (_, names: string) => {
      const known = names.split('|').map((name) => facts[name]);
      const value = known.find((fact) => fact !== undefined && fact !== '');
      if (value === undefined) complete = false;
      return value === undefined ? '?' : scrub(value);
    });
    return complete ? filled : undefined;
  };
  const title = template.replace(/\[([^\]]*)\]/g, (_, part: string) => fill(part) ?? '');
  return (fill(title) ?? title.replace(/\{[\w|]+\}/g, '?')).slice(0, MAX_TITLE);
}

/** Addresses and numbers differ each time; those that are part of a name stay. */
function scrub(fact: string): string {
  return fact
    .replace(/\b0x[\da-f]+\b/gi, 'ADDR')
    .replace(/\b(?=[a-f]*\d)[\da-f]{8,16}\b/g, 'ADDR')
    .replace(/(?<![\w.-])\d+(?![\w-]|\.\w)/g, 'N');
}
