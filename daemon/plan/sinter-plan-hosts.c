/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Other hosts. While a domain runs here, QEMU has its images, whoever else might see them. If it is
 * shut off, its images are changed only if their locks keep out the QEMU of another host, or the
 * configuration says that no other host uses them; and not if the domain was migrated away and left
 * its definition behind.
 */

#include "sinter-plan-hosts.h"

#include <libvirt/libvirt.h>

static void
check_migrated(SinterPlanDraft *draft)
{
    const SinterDomain *domain = draft->domain;

    if (domain->state != SINTER_DOMAIN_SHUT_OFF || domain->reason != VIR_DOMAIN_SHUTOFF_MIGRATED ||
        draft->request->ignore_migrated)
        return;
    sinter_plan_draft_refuse(draft, SINTER_REFUSAL_MIGRATED,
                             "domain '%s' was migrated to another host, which may use its images: "
                             "work on it there; if it does not run there any more, use "
                             "--ignore-migrated",
                             domain->name);
}

static void
check_storage(SinterPlanDraft *draft)
{
    for (guint i = 0; i < draft->disk->layers->len; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);

        if (!layer->beyond_locks)
            continue;
        sinter_plan_draft_refuse(
            draft, SINTER_REFUSAL_SHARED_STORAGE,
            "'%s' is %s: another host could use it at the same time, because locks do not reach "
            "other hosts there; start the domain and work on it then, or, if only this host uses "
            "it, name it in [storage] exclusive in sinter.conf",
            layer->description, layer->beyond_locks);
        return;
    }
}

void
sinter_plan_draft_check_hosts(SinterPlanDraft *draft)
{
    if (!draft->plan->offline)
        return;
    check_migrated(draft);
    check_storage(draft);
}
