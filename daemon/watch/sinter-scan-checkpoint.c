/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A domain's checkpoints. A hypervisor without checkpoints has none. */

#include "sinter-scan-checkpoint.h"

#include <libvirt/virterror.h>
#include <stdlib.h>

#include "sinter-checkpoint-xml.h"
#include "sinter-connection-error.h"

static gboolean
add_checkpoint(SinterDomain *domain, virDomainCheckpointPtr handle, GError **error)
{
    const char *name = virDomainCheckpointGetName(handle);
    g_autofree char *what = g_strdup_printf("checkpoint '%s' of domain '%s'", name, domain->name);
    char *text = virDomainCheckpointGetXMLDesc(handle, VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN);
    SinterCheckpoint *checkpoint;
    char **disks;

    if (!text) {
        if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_CHECKPOINT)
            return TRUE; /* deleted meanwhile */
        sinter_connection_set_error(error, "reading %s", what);
        return FALSE;
    }
    disks = sinter_xml_checkpoint_list_disks(text, what, error);
    free(text);
    if (!disks)
        return FALSE;
    checkpoint = sinter_checkpoint_new(name);
    checkpoint->disks = disks;
    g_ptr_array_add(domain->checkpoints, checkpoint);
    return TRUE;
}

gboolean
sinter_scan_read_checkpoints(SinterDomain *domain, virDomainPtr handle, GError **error)
{
    virDomainCheckpointPtr *handles = NULL;
    int n_handles =
        virDomainListAllCheckpoints(handle, &handles, VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL);
    gboolean good = TRUE;

    if (n_handles < 0) {
        if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT)
            return TRUE;
        sinter_connection_set_error(error, "listing the checkpoints of domain '%s'", domain->name);
        return FALSE;
    }
    for (int i = 0; i < n_handles; i++) {
        good = good && add_checkpoint(domain, handles[i], error);
        virDomainCheckpointFree(handles[i]);
    }
    free(handles);
    return good;
}
