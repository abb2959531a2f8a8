/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A job's look at the world: its domain, the chain of its disk, its block job. What holds: what was
 * read only in part is no observation.
 */

#include "sinter-job-kind.h"

#include "sinter-recheck.h"

static void
observe_disk(SinterLiveJob *self, const SinterDisk *disk)
{
    g_auto(GStrv) chain = NULL;

    if (!disk) {
        self->observation.chain = SINTER_CHAIN_OTHER;
        return;
    }
    chain = sinter_disk_dup_chain(disk);
    self->observation.chain = sinter_reconcile_chain(self->record->plan, chain);
    self->observation.mirror = disk->mirror;
    self->observation.block_job = disk->block_job;
    if (self->observation.block_job == SINTER_BLOCK_JOB_NONE && disk->mirror != SINTER_MIRROR_NONE)
        self->observation.block_job = disk->mirror_job;
    self->observation.foreign_mirror = disk->mirror != SINTER_MIRROR_NONE &&
                                       !sinter_reconcile_is_our_mirror(self->record->plan, disk);
}

/* (transfer full): the domain. Before a start every domain is looked at: between the plan and the
 * start there may be hours in the queue, and there are changes that libvirt tells nobody, so the
 * plan is proved once more at the last moment. */
static SinterDomain *
scan(SinterLiveJob *self, GError **error)
{
    SinterVirt *virt = self->context.virt;
    SinterDomain *domain;

    g_clear_pointer(&self->host, g_ptr_array_unref);
    /* offline that look is taken when the images are locked */
    if (self->record->phase > SINTER_PHASE_STARTING || self->record->plan->offline)
        return virt->klass->scan_domain(virt, self->record->domain_uuid, error);
    self->host = virt->klass->scan_all(virt, error);
    if (!self->host)
        return NULL;
    domain = sinter_recheck_find_domain(self->host, self->record->domain_uuid);
    if (domain)
        return sinter_domain_ref(domain);
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "the domain is gone");
    return NULL;
}

gboolean
sinter_live_job_observe(SinterLiveJob *self, GError **error)
{
    SinterSeenEvent seen = self->observation.seen;
    g_autoptr(GError) cause = NULL;

    g_clear_pointer(&self->domain, sinter_domain_unref);
    self->observation = (SinterObservation){ .seen = seen };
    self->domain = scan(self, &cause);
    if (!self->domain) {
        if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (self->domain->partial) {
        /* a disk or a block job that was not read is not one that is gone */
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "the domain could not be read whole, trying again: %s", self->domain->problem);
        return FALSE;
    }
    self->observation.domain_exists = TRUE;
    self->observation.domain_active = self->domain->active;
    observe_disk(self, sinter_domain_find_disk(self->domain, self->record->plan->disk));
    return TRUE;
}

gboolean
sinter_live_job_is_lost(SinterLiveJob *self, const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED);
}
