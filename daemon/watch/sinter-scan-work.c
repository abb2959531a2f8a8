/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The worker's side of the inventory. Invariant: it gets plain values and returns model values; a
 * domain that is equal to the known one is returned as the known value, so a rescan needs no memory
 * for a second copy of the host.
 */

#include "sinter-scan-work.h"

#include "sinter-error.h"
#include "sinter-scan.h"

#include <malloc.h>

static SinterFindings *
findings_new(gboolean all)
{
    SinterFindings *findings = g_new0(SinterFindings, 1);

    findings->all = all;
    findings->domains =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)sinter_domain_unref);
    return findings;
}

void
sinter_findings_free(gpointer data)
{
    SinterFindings *findings = data;

    g_hash_table_unref(findings->domains);
    g_clear_pointer(&findings->strays, g_ptr_array_unref);
    g_free(findings);
}

void
sinter_scan_work_free(gpointer data)
{
    SinterScanWork *work = data;

    g_object_unref(work->connection);
    sinter_scan_settings_unref(work->settings);
    sinter_scan_request_free(work->request);
    g_hash_table_unref(work->known);
    g_free(work);
}

/* State of a running scan. */
typedef struct {
    const SinterScanWork *work;
    SinterFindings *findings;
} Scan;

/* Adds @domain to the findings, or the known value if the two are equal. */
static void
take_in(SinterDomain *domain, gpointer user_data)
{
    Scan *scan = user_data;
    SinterDomain *known = g_hash_table_lookup(scan->work->known, domain->uuid);
    char *uuid = g_strdup(domain->uuid);

    if (known && sinter_domain_is_like(known, domain)) {
        sinter_domain_unref(domain);
        domain = sinter_domain_ref(known);
    }
    g_hash_table_replace(scan->findings->domains, uuid, domain);
}

static gboolean
scan_everything(const SinterScanSource *source, Scan *scan, GError **error)
{
    gboolean good = sinter_scan_each(source, take_in, scan, &scan->findings->strays, error);

    malloc_trim(0); /* the XML of a whole host was allocated and freed */
    return good;
}

static gboolean
scan_some(const SinterScanSource *source, Scan *scan, GError **error)
{
    GHashTableIter iter;
    gpointer uuid;
    gpointer since_usec;

    g_hash_table_iter_init(&iter, scan->work->request->uuids);
    while (g_hash_table_iter_next(&iter, &uuid, &since_usec)) {
        g_autoptr(GError) local = NULL;
        SinterDomain *domain =
            sinter_scan_domain(source, uuid, *(const gint64 *)since_usec, &local);

        if (domain) {
            take_in(domain, scan);
        } else if (g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
            g_hash_table_replace(scan->findings->domains, g_strdup(uuid), NULL);
        } else {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
    return TRUE;
}

void
sinter_scan_work_run(GTask *task, gpointer source_object, gpointer task_data,
                     GCancellable *cancellable)
{
    const SinterScanWork *work = task_data;
    g_autoptr(GError) error = NULL;
    Scan scan = { work, findings_new(work->request->all) };
    SinterScanSource source = { sinter_connection_dup(work->connection, &error),
                                sinter_connection_get_lines(work->connection), work->settings };
    gboolean good = FALSE;

    if (source.connection) {
        good = work->request->all ? scan_everything(&source, &scan, &error)
                                  : scan_some(&source, &scan, &error);
        virConnectClose(source.connection);
    }
    if (good) {
        g_task_return_pointer(task, scan.findings, sinter_findings_free);
        return;
    }
    sinter_findings_free(scan.findings);
    g_task_return_error(task, g_steal_pointer(&error));
}
