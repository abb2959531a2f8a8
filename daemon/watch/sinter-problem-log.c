/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The problems that were already logged. A problem is identified by its text, which names the image
 * or domain, so a broken base below a hundred chains is one problem.
 */

#include "sinter-problem-log.h"
#include "sinter-log.h"

/* A QEMU that is starting, or creates a snapshot, may not answer for this time. */
#define BUSY_USEC (3 * G_USEC_PER_SEC)

struct _SinterProblemLog {
    GHashTable *said; /* text → number of the last round that found it */
    guint round;
};

SinterProblemLog *
sinter_problem_log_new(void)
{
    SinterProblemLog *log = g_new0(SinterProblemLog, 1);

    log->said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return log;
}

void
sinter_problem_log_free(SinterProblemLog *log)
{
    if (!log)
        return;
    g_hash_table_unref(log->said);
    g_free(log);
}

static void
tell(SinterProblemLog *log, const SinterDomain *domain, const SinterDisk *disk,
     const SinterLayer *layer, const char *problem)
{
    const SinterLogField fields[] = { { "DOMAIN_UUID", domain->uuid },
                                      { "DOMAIN_NAME", domain->name },
                                      { "DISK", disk ? disk->target : NULL },
                                      { "IMAGE", layer ? layer->path : NULL },
                                      { NULL, NULL } };
    gboolean is_new =
        g_hash_table_insert(log->said, g_strdup(problem), GUINT_TO_POINTER(log->round));

    if (is_new && disk)
        sinter_log(G_LOG_LEVEL_WARNING, fields, "domain '%s', disk %s: %s", domain->name,
                   disk->target, problem);
    else if (is_new)
        sinter_log(G_LOG_LEVEL_WARNING, fields, "%s", problem);
}

static void
tell_layers(SinterProblemLog *log, const SinterDomain *domain, const SinterDisk *disk,
            const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        if (layer->problem)
            tell(log, domain, disk, layer, layer->problem);
    }
}

static void
tell_silence(SinterProblemLog *log, const SinterDomain *domain)
{
    g_autofree char *text = g_strdup_printf("domain '%s' does not respond: %s", domain->name,
                                            domain->unresponsive_reason);

    tell(log, domain, NULL, NULL, text);
}

void
sinter_problem_log_tell(SinterProblemLog *log, const SinterDomain *domain)
{
    if (domain->problem)
        tell(log, domain, NULL, NULL, domain->problem);
    if (domain->unresponsive_since_usec != 0 &&
        g_get_real_time() - domain->unresponsive_since_usec > BUSY_USEC)
        tell_silence(log, domain);
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        tell_layers(log, domain, disk, disk->layers);
        tell_layers(log, domain, disk, disk->inactive_layers);
    }
}

void
sinter_problem_log_begin_round(SinterProblemLog *log)
{
    log->round++;
}

static gboolean
is_stale(gpointer problem, gpointer round, gpointer log)
{
    return GPOINTER_TO_UINT(round) != ((SinterProblemLog *)log)->round;
}

void
sinter_problem_log_end_round(SinterProblemLog *log)
{
    g_hash_table_foreach_remove(log->said, is_stale, log);
}
