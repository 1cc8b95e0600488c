/**
 * Functions that stand above the guilty one in a trace: those that print the report, those that instrumentation
 * calls, and helpers that everybody calls. They neither name a fault nor identify it.
 */
const MACHINERY: readonly string[] = [
  // Printing: lib/dump_stack.c, kernel/panic.c, lib/bug.c
  '_*dump_stack\\w*|show_stack\\w*|show_regs|__show_regs|panic|vpanic|nmi_panic|check_panic_on_warn|add_taint',
  '__warn\\w*|warn_slowpath\\w*|report_bug\\w*|__report_bug|handle_bug|print_oops_end_marker|oops_\\w+|die\\w*|__die\\w*',
  // Exceptions: arch/x86/entry, arch/x86/mm/fault.c, arch/arm64/kernel/entry-common.c
  '(?:asm_)?(?:exc|sysvec|common_interrupt)_?\\w*|do_trap|do_error_trap|do_invalid_op|invalid_op|error_entry|ret_from_intr',
  'page_fault_oops|no_context|bad_area\\w*|__bad_area\\w*|do_user_addr_fault|do_kern_addr_fault|do_page_fault|page_fault',
  'el1\\w*|el0\\w*|do_mem_abort|do_translation_fault|do_bad_area|__do_kernel_fault|bug_handler|brk_handler',
  'bug_brk_handler|call_break_hook|do_debug_exception|do_el1_\\w+|arm64_serror_panic|call_el1_break_hook|fixup_exception',
  // Sanitizers: mm/kasan, mm/kmsan, kernel/kcsan, mm/kfence, lib/ubsan.c, mm/kmemleak.c
  '_*kasan_\\w*|__asan_\\w*|__hwasan_\\w*|print_(?:report|address\\w*|memory\\w*)|check_(?:region|memory)\\w*|report_enabled',
  '_*kmsan_\\w*|__msan_\\w*|_*kcsan_\\w*|__tsan_\\w*|kfence_\\w*|__kfence_\\w*|_*ubsan_\\w*|handle_overflow|kmemleak_\\w*',
  'val_to_string|set_report_info|instrument_\\w+|__slab_error|slab_err|slab_bug|object_err|print_trailer|__sanitizer_\\w+',
  'slab_pad_check|check_bytes_and_report|check_object|check_slab|alloc_debug_processing|free_debug_processing|on_freelist',
  'free_to_partial_list|slab_free\\w*|__slab_free|slab_alloc\\w*|___slab_alloc|__slab_alloc\\w*|slab_post_alloc_hook',
  'kmem_cache_\\w+|__kmem_cache_\\w+|_*k[mzc]alloc\\w*|_*kfree\\w*|_*kvfree\\w*|kvmalloc\\w*|do_slab_free|cache_free\\w*',
  '_*krealloc\\w*|kmalloc_array\\w*|__do_kmalloc\\w*|kmem_dump_obj|bad_page|free_page_is_bad|check_free_page\\w*|free_pcp\\w*',
  // lockdep and RCU's checks: kernel/locking/lockdep.c
  'lock_(?:acquire|release|is_held)\\w*|__lock_(?:acquire|release)\\w*|lockdep_\\w*|validate_chain|check_prev\\w*|check_noncirc\\w*',
  'check_deadlock|print_(?:circular|deadlock|usage|irq|bad|shortest|unlock|kernel|freed|held)_?\\w*|mark_(?:lock|held|usage)\\w*',
  'valid_state|check_wait_context|check_irq_usage|check_usage\\w*|register_lock_class|assign_lock_key|reacquire_held_locks',
  'debug_check_no_locks\\w*|trace_(?:hard|soft)irqs\\w*|debug_lock\\w*|__might_\\w+|___might_\\w+|might_\\w+',
  'check_preemption_disabled|debug_smp_processor_id|__this_cpu_preempt_check|spin_(?:bug|dump)|rwlock_bug|rcu_lockdep\\w*',
  // Locks and waits: kernel/locking, kernel/sched
  '_raw_\\w+|__raw_\\w+|do_raw_\\w+|queued_\\w*lock\\w*|native_queued\\w*|pv_queued\\w*|__pv_queued\\w*|arch_spin_\\w*|mutex_\\w+',
  '__mutex_\\w+|ww_mutex_\\w+|__ww_\\w+|down(?:_\\w+)?|__down\\w*|up(?:_\\w+)?|__up\\w*|rwsem_\\w+|rt_mutex\\w*|rt_spin\\w*',
  'percpu_(?:down|up)\\w*|__percpu_(?:down|up)\\w*|schedule\\w*|__schedule\\w*|preempt_schedule\\w*|io_schedule\\w*|context_switch',
  '__switch_to\\w*|wait_for_\\w+|__wait_for_\\w+|do_wait_for_common|wait_on_\\w+|__wait_on_\\w+|out_of_line_wait\\w*|bit_wait\\w*',
  'do_nanosleep|hrtimer_nanosleep|msleep\\w*|usleep_\\w+|folio_wait_\\w+|folio_lock\\w*|__folio_lock\\w*|synchronize_\\w+|__cond_resched',
  // Watchdogs, stalls, backtraces: kernel/watchdog.c, kernel/rcu/tree_stall.h, lib/nmi_backtrace.c
  'watchdog\\w*|rcu_(?:check|dump|sched|pending|stall)\\w*|print_(?:cpu|other_cpu)_stall\\w*|check_cpu_stall|nmi_\\w*backtrace\\w*',
  'trigger_\\w*backtrace\\w*|arch_trigger_\\w*|update_process_times|tick_(?:sched|nohz|periodic)\\w*|__hrtimer_run\\w*',
  'hrtimer_(?:interrupt|run)\\w*|__sysvec_\\w*|local_apic_timer\\w*|perf_event_overflow|__perf_event_overflow|intel_pmu_\\w*',
  'smp_call_function\\w*|csd_lock_wait|__csd_lock_wait|native_safe_halt|pv_native_safe_halt|default_idle\\w*|cpu_relax',
  'check_hung\\w*|__delay|delay_\\w+|__const_udelay|__udelay|__ndelay|sched_show_task|dump_cpu_task|handle_softirqs|ia32_\\w+',
  // Helpers that find what others broke: lib/list_debug.c, lib/refcount.c, mm/usercopy.c, lib/string.c
  '__list_\\w+|list_\\w+|hlist_\\w+|refcount_\\w+|__refcount_\\w+|kref_\\w+|__fortify_\\w+|fortify_\\w+|_*copy_overflow|debug_print_object',
  '(?:__)?debug_object_\\w+|debug_check_no_obj\\w*|usercopy_\\w+|__check_\\w+|check_heap_object\\w*|check_object_size|_*copy_\\w*user\\w*',
  'mem(?:cpy|set|move|cmp|chr|scan)\\w*|__mem(?:cpy|set|move)\\w*|str(?:n?len|n?cpy|n?cmp|scpy|n?cat|chr|rchr|str)\\w*|read_word_at_a_time',
  'atomic\\w*|arch_atomic\\w*|test_bit|_*test_bit|(?:set|clear|change)_bit\\w*|ex_handler\\w*|rep_movs\\w*|clear_page\\w*|copy_page\\w*',
  'alloc_pages\\w*|__alloc_\\w*pages\\w*|alloc_slab_page|new_slab|allocate_slab|warn_alloc|__free_pages\\w*|free_unref\\w*|__get_free_page\\w*',
  'get_page_from_freelist|rmqueue\\w*|prep_new_page|post_alloc_hook|free_pages\\w*|__free_one_page|dump_header|oom_kill_process|out_of_memory',
  '__stack_chk_fail|handle_stack_overflow|_?_?entry_\\w+',
];

const PATTERN = new RegExp(`^(?:${MACHINERY.join('|')})$`);

export const isMachinery = (functionName: string): boolean => PATTERN.test(functionName);
