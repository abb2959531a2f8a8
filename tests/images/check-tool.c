/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The engine's check as a program, for tests: findings as lines of text, counts as one line each.
 * It uses nothing but the public API of libsinter.
 *
 *   check-tool [OPTION…] FILE
 *
 *   finding CODE CLASS guest=G host=H seen=S expected=E refcount=R times=N owners=O,O TEXT
 *   code CODE N                 how many of the code there are in all
 *   counts corruptions=N leaks=N errors=N notes=N
 *   qemu corruptions=N leaks=N errors=N
 *   stats allocated=N total=N compressed=N fragmented=N end=N …
 *   snapshot ID clusters=N shared=N added=N
 *   result complete=B leaks-are-safe=B trouble=TEXT
 *
 * G and H are hexadecimal, or "-". An owner is KIND:WHERE[:NAME]. Exit 0 where the check ran,
 * 1 with the error on standard error where it did not.
 */

#include <sinter/check.h>

#include <stdio.h>

static gboolean deep;
static gboolean chain;
static gboolean keep_going;
static gboolean no_owners;
static gboolean no_lock;
static gboolean snapshots;
static gboolean quiet;
static char *format;
static gint max_per_code;
static gint n_threads;
static gint timeout_msec;

static const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, "image format", "FMT" },
    { "deep", 'd', 0, G_OPTION_ARG_NONE, &deep, "decode compressed clusters", NULL },
    { "chain", 'c', 0, G_OPTION_ARG_NONE, &chain, "check the backing files too", NULL },
    { "keep-going", 'k', 0, G_OPTION_ARG_NONE, &keep_going, "read errors are findings", NULL },
    { "no-owners", 0, 0, G_OPTION_ARG_NONE, &no_owners, "do not seek owners", NULL },
    { "force-share", 'U', 0, G_OPTION_ARG_NONE, &no_lock, "take no lock", NULL },
    { "snapshots", 's', 0, G_OPTION_ARG_NONE, &snapshots, "what snapshots share", NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "counts only", NULL },
    { "max", 'm', 0, G_OPTION_ARG_INT, &max_per_code, "findings of each code", "N" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &n_threads, "for decoding", "N" },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &timeout_msec, "give up after that time", "MSEC" },
    { NULL },
};

static void
print_offset(const char *name, guint64 offset)
{
    if (offset == SINTER_OFFSET_NONE)
        printf(" %s=-", name);
    else
        printf(" %s=0x%" G_GINT64_MODIFIER "x", name, offset);
}

static void
print_owners(const SinterFinding *finding)
{
    printf(" owners=");
    for (guint i = 0; i < finding->n_owners; i++) {
        const SinterOwner *owner = &finding->owners[i];

        printf("%s%s:0x%" G_GINT64_MODIFIER "x%s%s", i ? "," : "",
               sinter_owner_kind_name(owner->kind), owner->where, owner->name ? ":" : "",
               owner->name ? owner->name : "");
    }
}

static void
print_finding(const SinterFinding *finding)
{
    g_autofree char *text = sinter_finding_get_text(finding);

    printf("finding %s %s", sinter_finding_code_name(finding->code),
           sinter_finding_class_name(sinter_finding_code_class(finding->code)));
    print_offset("guest", finding->guest_offset);
    print_offset("host", finding->host_offset);
    printf(" seen=0x%" G_GINT64_MODIFIER "x expected=0x%" G_GINT64_MODIFIER
           "x refcount=%" G_GUINT64_FORMAT " times=%" G_GUINT64_FORMAT,
           finding->seen, finding->expected, finding->refcount, finding->times);
    print_owners(finding);
    printf(" %s\n", text);
}

static void
print_stats(const SinterImageStats *stats)
{
    printf("stats allocated=%" G_GUINT64_FORMAT " total=%" G_GUINT64_FORMAT
           " compressed=%" G_GUINT64_FORMAT " fragmented=%" G_GUINT64_FORMAT
           " zero=%" G_GUINT64_FORMAT " end=%" G_GUINT64_FORMAT,
           stats->allocated_clusters, stats->total_clusters, stats->compressed_clusters,
           stats->fragmented_clusters, stats->zero_clusters, stats->image_end_offset);
    printf(" l1-used=%" G_GUINT64_FORMAT " l2-tables=%" G_GUINT64_FORMAT
           " refcount-blocks=%" G_GUINT64_FORMAT " host-clusters=%" G_GUINT64_FORMAT
           " host-used=%" G_GUINT64_FORMAT " metadata=%" G_GUINT64_FORMAT " allocation=%d\n",
           stats->l1_used, stats->l2_tables, stats->refcount_blocks, stats->host_clusters,
           stats->host_used, stats->metadata_clusters, stats->allocation);
    for (guint i = 0; i < stats->snapshots->len; i++) {
        const SinterSnapshotStats *one = g_ptr_array_index(stats->snapshots, i);

        printf("snapshot %s clusters=%" G_GUINT64_FORMAT " shared=%" G_GUINT64_FORMAT
               " added=%" G_GUINT64_FORMAT "\n",
               one->id, one->clusters, one->shared_clusters, one->added_clusters);
    }
}

static void
print_counts(const SinterCheckResult *result)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        if (result->per_code[code] > 0)
            printf("code %s %" G_GUINT64_FORMAT "\n", sinter_finding_code_name(code),
                   result->per_code[code]);
    }
    printf("counts corruptions=%" G_GUINT64_FORMAT " leaks=%" G_GUINT64_FORMAT
           " errors=%" G_GUINT64_FORMAT " notes=%" G_GUINT64_FORMAT "\n",
           result->counts.corruptions, result->counts.leaks, result->counts.errors,
           result->counts.notes);
    printf("qemu corruptions=%" G_GUINT64_FORMAT " leaks=%" G_GUINT64_FORMAT
           " errors=%" G_GUINT64_FORMAT "\n",
           result->qemu_counts.corruptions, result->qemu_counts.leaks, result->qemu_counts.errors);
}

static void
print_result(const SinterCheckResult *result)
{
    if (chain)
        printf("member %s %s\n", result->format, result->path);
    for (guint i = 0; !quiet && i < result->findings->len; i++)
        print_finding(&g_array_index(result->findings, SinterFinding, i));
    print_counts(result);
    print_stats(&result->stats);
    printf("result complete=%d leaks-are-safe=%d trouble=%s\n", result->complete,
           result->leaks_are_safe, result->trouble ? result->trouble : "");
}

static gboolean
run(const char *path, GError **error)
{
    SinterCheckOptions options = {
        .flags = (deep ? SINTER_CHECK_DEEP : 0) | (keep_going ? SINTER_CHECK_KEEP_GOING : 0) |
                 (no_owners ? SINTER_CHECK_NO_OWNERS : 0) | (no_lock ? SINTER_CHECK_NO_LOCK : 0) |
                 (snapshots ? SINTER_CHECK_SNAPSHOT_STATS : 0),
        .max_per_code = (guint)max_per_code,
        .n_threads = (guint)n_threads,
        .deadline_usec = timeout_msec ? g_get_monotonic_time() + timeout_msec * 1000LL : 0,
    };
    g_autoptr(GPtrArray) results = NULL;
    g_autoptr(SinterCheckResult) result = NULL;

    if (!chain) {
        result = sinter_image_check(NULL, path, format, &options, error);
        if (result)
            print_result(result);
        return result != NULL;
    }
    results = sinter_chain_check(NULL, path, format, TRUE, &options, error);
    for (guint i = 0; results && i < results->len; i++)
        print_result(g_ptr_array_index(results, i));
    return results != NULL;
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("FILE");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "check-tool: %s\n", error->message);
        return 1;
    }
    if (argc != 2) {
        fprintf(stderr, "usage: check-tool [OPTION…] FILE\n");
        return 1;
    }
    if (!run(argv[1], &error)) {
        fprintf(stderr, "check-tool: %s\n", error->message);
        return 1;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
