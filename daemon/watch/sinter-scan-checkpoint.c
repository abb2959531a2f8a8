/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A domain's checkpoints. A hypervisor without checkpoints has none. */

#include "sinter-scan-checkpoint.h"

#include "sinter-checkpoint-xml.h"

static gboolean
add_checkpoint(SinterDomain *domain, const SinterSnapshotText *text, GError **error)
{
    g_autofree char *what =
        g_strdup_printf("checkpoint '%s' of domain '%s'", text->name, domain->name);
    char **disks = sinter_xml_checkpoint_list_disks(text->xml, what, error);
    SinterCheckpoint *checkpoint;

    if (!disks)
        return FALSE;
    checkpoint = sinter_checkpoint_new(text->name);
    checkpoint->disks = disks;
    g_ptr_array_add(domain->checkpoints, checkpoint);
    return TRUE;
}

gboolean
sinter_scan_read_checkpoints(SinterDomain *domain, const GPtrArray *texts, GError **error)
{
    for (guint i = 0; i < texts->len; i++) {
        if (!add_checkpoint(domain, g_ptr_array_index(texts, i), error))
            return FALSE;
    }
    return TRUE;
}
