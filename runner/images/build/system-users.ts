/**
 * The users and groups that packages ask for in `sysusers.d`, worked out without running anything of the image; pure.
 * Format: sysusers.d(5). systemd-sysusers would do the same at the first boot, but a guest's every boot is its first.
 */

export interface Accounts {
  /** Texts of `/etc/passwd`, `/etc/group` and `/etc/shadow`. */
  passwd: string;
  group: string;
  shadow: string;
}

/** Numbers of system users are given from here downward, as systemd does. */
const FIRST_SYSTEM_ID = 999;
/** 2023-06-10, in days since 1970: the day of Debian 12. A password that is older than its user would have expired. */
const PASSWORD_DAY = 19518;

interface Table {
  lines: string[];
  names: Set<string>;
  ids: Set<number>;
}

/** `passwd` and `group` are those of base-passwd; `fragments` are the files of sysusers.d in the order of their names. */
export function addSystemUsers(passwd: string, group: string, fragments: readonly string[]): Accounts {
  const users = tableOf(passwd);
  const groups = tableOf(group);
  for (const [type, name, id, comment, home, shell] of fragments.flatMap(parseFragment)) {
    if (type === undefined || name === undefined) continue;
    if (type === 'g') addGroup(groups, name, id, groups.ids);
    if (type === 'm' && id !== undefined) addMember(groups, name, id);
    if (type !== 'u' && type !== 'u!') continue;
    if (users.names.has(name)) continue;
    const [uid, ownGroup] = (id ?? '-').split(':');
    const taken = new Set([...users.ids, ...groups.ids]);
    const number = numberOf(uid) ?? free(taken);
    const gid = numberOf(ownGroup) ?? addGroup(groups, name, `${number}`, groups.ids);
    add(users, name, number, ['x', number, gid, comment ?? '', home ?? '/', shell ?? '/usr/sbin/nologin']);
  }
  const shadow = users.lines.map((line) => `${line.split(':')[0]}:*:${PASSWORD_DAY}:0:99999:7:::`);
  return { passwd: textOf(users.lines), group: textOf(groups.lines), shadow: textOf(shadow) };
}

function tableOf(text: string): Table {
  const lines = text.split('\n').filter((line) => line !== '');
  return {
    // base-passwd leaves the password of root empty, which would let everybody in.
    lines: lines.map((line) => line.replace(/^([^:]*):[^:]*:/, '$1:x:')),
    names: new Set(lines.map((line) => line.split(':')[0] ?? '')),
    ids: new Set(lines.map((line) => Number(line.split(':')[2]))),
  };
}

type Fields = readonly (string | undefined)[];

/** The fields of each line; `-` stands for the default. */
function parseFragment(text: string): Fields[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => (line.match(/"[^"]*"|\S+/g) ?? []).map((field) => field.replace(/^"|"$/g, '')))
    .map((fields) => fields.map((field) => (field === '-' ? undefined : field)));
}

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

function free(taken: ReadonlySet<number>): number {
  let id = FIRST_SYSTEM_ID;
  while (taken.has(id)) id -= 1;
  return id;
}

function add(table: Table, name: string, id: number, fields: readonly (string | number)[]): void {
  table.lines.push([name, ...fields].join(':'));
  table.names.add(name);
  table.ids.add(id);
}

/** Its number; one that is there keeps its own. */
function addGroup(groups: Table, name: string, id: string | undefined, taken: ReadonlySet<number>): number {
  const there = groups.lines.find((line) => line.startsWith(`${name}:`));
  if (there !== undefined) return Number(there.split(':')[2]);
  const number = numberOf(id) ?? free(taken);
  add(groups, name, number, ['x', number, '']);
  return number;
}

function addMember(groups: Table, user: string, name: string): void {
  addGroup(groups, name, undefined, groups.ids);
  groups.lines = groups.lines.map((line) => {
    if (!line.startsWith(`${name}:`)) return line;
    return line.endsWith(':') ? `${line}${user}` : `${line},${user}`;
  });
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
