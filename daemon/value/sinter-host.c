/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A host as a value. Invariant: both arrays always exist, and no chain is empty.
 */

#include "sinter-host.h"

SinterHost *
sinter_host_new(void)
{
    SinterHost *host = g_new0(SinterHost, 1);

    host->domains = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_domain_unref);
    host->strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    return host;
}

void
sinter_host_free(SinterHost *host)
{
    if (!host)
        return;
    g_ptr_array_unref(host->domains);
    g_ptr_array_unref(host->strays);
    g_free(host);
}

SinterDomain *
sinter_host_find_domain(const SinterHost *host, const char *uuid)
{
    for (guint i = 0; i < host->domains->len; i++) {
        SinterDomain *domain = g_ptr_array_index(host->domains, i);

        if (g_strcmp0(domain->uuid, uuid) == 0)
            return domain;
    }
    return NULL;
}
