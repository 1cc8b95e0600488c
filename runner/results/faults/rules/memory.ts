/** Memory: exhausted, leaked, corrupted, counted wrongly. */
import { FN, type Rule } from './rule.js';

/** mm/oom_kill.c: __oom_kill_process, out_of_memory */
const OOM_END =
  /(?:^|: )Killed process \d+ \(|^(?:Kernel panic - not syncing: )?System is deadlocked on memory|no killable (?:processes|tasks)|^Out of memory and no killable/;
const VICTIM = /Killed process \d+ \((?<victim>.*?)\)(?:,| |$)/;

const EXHAUSTED: readonly Rule[] = [
  // mm/oom_kill.c: dump_header, then the state of all memory; the last line names the victim
  {
    type: 'oom',
    header: /^(?<invoker>.{1,16}) invoked oom-killer: gfp_mask=/,
    title: 'OOM: killed[ {victim}]',
    later: [VICTIM],
    end: OOM_END,
  },
  {
    type: 'oom',
    header: /^Out of memory(?: \(.*\))?: Kill(?:ed)? process \d+ \((?<victim>.*?)\)/,
    title: 'OOM: killed {victim}',
    end: 'line',
  },
  {
    type: 'cgroup-oom',
    header: /^Memory cgroup (?:out of memory|stats for).*?Killed process \d+ \((?<victim>.*?)\)/,
    title: 'cgroup OOM: killed {victim}',
    end: 'line',
    severity: 'note',
  },
  // mm/page_alloc.c: warn_alloc; callers cope with it, or should
  {
    type: 'allocation-failure',
    header: /^.{1,16}: page allocation failure: order:\d+, mode:/,
    title: 'page allocation failure[ in {fn}]',
    end: 'silence',
    severity: 'note',
  },
];

const LEAKED: readonly Rule[] = [
  // mm/kmemleak.c: print_unreferenced, kmemleak_scan
  {
    type: 'memory-leak',
    header: /^(?:kmemleak: )?unreferenced object(?: \w+)? 0x[\da-f]+ /,
    title: 'memory leak[ in {fn}]',
    end: 'silence',
  },
  {
    type: 'memory-leak',
    header: /^kmemleak: \d+ new suspected memory leaks/,
    title: 'memory leak suspected by kmemleak',
    end: 'line',
  },
  // net/core/dev.c: netdev_wait_allrefs_any
  {
    type: 'reference-leak',
    header: /^unregister_netdevice: waiting for (?<device>\S+?)\d* to become free/,
    title: 'unregister_netdevice: waiting for {device} to become free',
    end: 'silence',
  },
  // fs/dcache.c: umount_check; fs/super.c: generic_shutdown_super
  {
    type: 'reference-leak',
    header: /^BUG: Dentry .* still in use/,
    title: 'BUG: Dentry still in use[ in {fn}]',
    end: 'silence',
  },
  {
    type: 'reference-leak',
    header: /^VFS: Busy inodes after unmount of /,
    title: 'VFS: Busy inodes after unmount',
    end: 'silence',
  },
  // mm/slab_common.c: kmem_cache_destroy
  {
    type: 'reference-leak',
    header: /^kmem_cache_destroy (?<cache>\S+): Slab cache still has objects/,
    title: 'kmem_cache_destroy: {cache} still has objects[ in {fn}]',
    end: 'silence',
  },
];

const CORRUPTED: readonly Rule[] = [
  // mm/page_alloc.c: bad_page; mm/memory.c: print_bad_pte; mm/filemap.c
  {
    type: 'bad-page',
    header: /^BUG: Bad page (?<what>state|map|cache) in process /,
    title: 'BUG: Bad page {what}[ in {fn}]',
    end: 'silence',
  },
  { type: 'bad-page', header: /^BUG: Bad rss-counter state /, title: 'BUG: Bad rss-counter state', end: 'line' },
  {
    type: 'bad-page',
    header: /^BUG: non-zero pgtables_bytes on freeing mm/,
    title: 'BUG: non-zero pgtables_bytes on freeing mm',
    end: 'line',
  },
  // mm/slub.c: slab_bug; mm/slab.c
  {
    type: 'slab-corruption',
    header:
      /^BUG (?<cache>\S.*?) \((?:Not tainted|Tainted:.*?)\): (?<what>[A-Za-z][\w -]*?)(?: (?:in|on) \S.*| 0x.*|[.!@].*)?$/,
    title: 'BUG: slab {cache}: {what}[ in {fn}]',
    end: 'silence',
  },
  {
    type: 'slab-corruption',
    header: /^Slab corruption \(.*?\): (?<cache>\S+) start=/,
    title: 'BUG: slab {cache}: corruption',
    end: 'silence',
  },
  // lib/list_debug.c
  {
    type: 'list-corruption',
    header: /^list_(?:add|del) (?:corruption|double add)\b/,
    title: 'BUG: corrupted list[ in {fn}]',
    end: 'marker',
  },
  // lib/refcount.c: refcount_warn_saturate; WARN prints its message first
  {
    type: 'refcount',
    header: /^refcount_t: (?<what>[\w -]+)[;.]/,
    title: 'WARNING: refcount bug[ in {fn}]',
    end: 'marker',
  },
  // mm/usercopy.c: usercopy_abort
  {
    type: 'usercopy',
    header: /^usercopy: Kernel memory (?:exposure|overwrite) attempt detected /,
    title: 'BUG: bad usercopy[ in {fn}]',
    end: 'marker',
  },
  // lib/string_helpers.c: __fortify_report, fortify_panic
  {
    type: 'usercopy',
    header: new RegExp(`^(?:detected buffer overflow in|memcpy: detected field-spanning) ${FN}?`),
    title: 'BUG: buffer overflow detected[ in {fn}]',
    end: 'marker',
  },
  // lib/debugobjects.c: debug_print_object
  {
    type: 'debug-object',
    header: /^ODEBUG: (?:activate|free|init|deactivate|destroy|assert_init|active)/,
    title: 'WARNING: ODEBUG bug[ in {fn}]',
    end: 'marker',
  },
];

export const MEMORY: readonly Rule[] = [...EXHAUSTED, ...LEAKED, ...CORRUPTED];
