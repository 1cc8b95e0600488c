/** The configuration that a kernel for guests needs, as a fragment for `scripts/kconfig/merge_config.sh`; pure. */
import type { Architecture } from './architecture.js';
import { settingOf } from './check-config.js';
import { REQUIREMENTS, TOPICS } from './requirements.js';

export function configFragment(arch: Architecture): string {
  const intro = [
    `# What vmtest needs of a kernel for ${arch}. In the kernel's tree:`,
    '#   scripts/kconfig/merge_config.sh .config THIS_FILE',
    '# Where a line names a module, `m` will do as well; vmtest finds the module in lib/modules.',
  ];
  const sections = TOPICS.flatMap((topic) => {
    const rows = REQUIREMENTS.filter((row) => row.topic === topic && (row.arch ?? arch) === arch);
    if (rows.length === 0) return [];
    const lines = rows.flatMap((row) => {
      const remarks = [row.why];
      if (row.level === 'wanted') remarks.push('may be left out');
      if (row.features !== undefined) remarks.push('may be left out where it is not so');
      if (row.module !== undefined) remarks.push(`module ${row.module}`);
      return [`# ${remarks.join('; ')}`, settingOf(row)];
    });
    return [['', `## ${topic}`, ...lines].join('\n')];
  });
  return `${[...intro, ...sections].join('\n')}\n`;
}
