/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the disk that a request names. */

#include "sinter-plan-choice.h"

#include "sinter-error.h"
#include "sinter-plan-draft.h"

static char *
list_targets(const SinterDomain *domain)
{
    g_autoptr(GPtrArray) targets = g_ptr_array_new();

    for (guint i = 0; i < domain->disks->len; i++)
        g_ptr_array_add(targets, ((SinterDisk *)g_ptr_array_index(domain->disks, i))->target);
    return targets->len > 0 ? sinter_plan_join_names(targets) : g_strdup("none");
}

const SinterDisk *
sinter_plan_choose_named(const SinterPlanRequest *request, const SinterDomain *domain,
                         GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, request->disk);
    g_autofree char *targets = disk ? NULL : list_targets(domain);

    if (!disk)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                    "domain '%s' has no disk '%s'; its disks: %s", domain->name, request->disk,
                    targets);
    return disk;
}
