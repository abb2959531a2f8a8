/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How a job observes the host: its domain, the chain of its disk, its block job. Invariant: a
 * domain that was read only in part is not a valid observation.
 */

#include "sinter-chain-look.h"

#include "sinter-chain-compare.h"
#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-point.h"
#include "sinter-time-text.h"

/* How long an overlay may cover the chain before that is no longer taken for temporary. */
#define MAX_COVERED_USEC (G_TIME_SPAN_HOUR)

static void
observe_disk(SinterChainLook *look, const SinterDiskPlan *plan)
{
    const SinterDisk *disk = sinter_domain_find_disk(look->domain, plan->disk);
    SinterObservation *observation = &look->observation;
    g_auto(GStrv) chain = NULL;

    if (!disk) {
        observation->chain = SINTER_CHAIN_OTHER;
        return;
    }
    chain = sinter_disk_dup_chain(disk);
    observation->chain = sinter_chain_compare(plan, chain);
    observation->mirror = disk->mirror;
    observation->block_job = disk->block_job;
    if (observation->block_job == SINTER_BLOCK_JOB_NONE && disk->mirror != SINTER_MIRROR_NONE)
        observation->block_job = disk->mirror_job;
    observation->foreign_mirror =
        disk->mirror != SINTER_MIRROR_NONE && !sinter_chain_is_our_mirror(plan, disk);
}

/* (transfer full) (nullable): what does not respond, as the object of a sentence */
static char *
describe_silence(const SinterDomain *domain, const char *target)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, target);
    g_autofree char *since = NULL;

    if (domain->unresponsive_since_usec != 0) {
        since = sinter_time_text_since(domain->unresponsive_since_usec);
        return g_strdup_printf("domain '%s', which has not responded since %s: %s", domain->name,
                               since, domain->unresponsive_reason);
    }
    if (disk && disk->unresponsive_since_usec != 0)
        return g_strdup_printf("the storage of disk %s: %s", target, disk->unresponsive_reason);
    return NULL;
}

/* (transfer full) (nullable): what else libvirt does with the domain, so that no job can begin. A
 * backup only holds the disks that it reads. */
static char *
describe_occupation(const SinterDomain *domain, const char *target)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, target);

    if (!domain->busy_with ||
        (domain->busy_with_backup && !(disk && disk->block_job == SINTER_BLOCK_JOB_BACKUP)))
        return NULL;
    return g_strdup_printf("domain '%s', which is busy with %s", domain->name, domain->busy_with);
}

/* Returns FALSE if what was last known of the domain is no observation of its present state, or if
 * the job has not begun and cannot begin now. A job that waits for something else goes on waiting.
 */
static gboolean
check_responds(SinterJobRun *run, const SinterDomain *domain, GError **error)
{
    const SinterJobRecord *record = run->record;
    gboolean waits = record->phase == SINTER_PHASE_QUEUED || record->phase == SINTER_PHASE_WAITING;
    g_autofree char *what = describe_silence(domain, record->plan->disk);

    if (!what && record->phase == SINTER_PHASE_QUEUED)
        what = describe_occupation(domain, record->plan->disk);
    if (what || !waits)
        sinter_job_run_set_waiting(run, what);
    if (!what)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY, "waits for %s", what);
    return FALSE;
}

/* A backup tool puts an overlay on a disk for a while, or somebody creates a snapshot, possibly
 * just when a block job has ended: then neither the old nor the new chain is there, but nothing is
 * wrong. The new chain below an overlay is what was planned. If it is the old one, the overlay has
 * to go first; returns FALSE if the job waits for that. */
static gboolean
check_uncovered(SinterJobRun *run, GError **error)
{
    SinterChainLook *look = sinter_chain_look(run);
    const SinterJobRecord *record = run->record;
    const SinterDisk *disk = sinter_domain_find_disk(look->domain, record->plan->disk);
    g_auto(GStrv) chain = disk ? sinter_disk_dup_chain(disk) : NULL;
    gint64 now_usec = g_get_monotonic_time();
    SinterChainState below = SINTER_CHAIN_OTHER;
    g_autofree char *what = NULL;

    if (chain && !record->plan->offline && record->phase >= SINTER_PHASE_STARTING &&
        look->observation.chain == SINTER_CHAIN_OTHER && look->domain->active)
        below = sinter_chain_compare_covered(record->plan, chain);
    if (below == SINTER_CHAIN_AFTER && look->observation.block_job == SINTER_BLOCK_JOB_NONE)
        look->observation.chain = SINTER_CHAIN_AFTER;
    if (below == SINTER_CHAIN_OTHER || look->observation.chain == SINTER_CHAIN_AFTER) {
        look->covered_usec = 0;
        return TRUE;
    }
    if (look->covered_usec == 0)
        look->covered_usec = now_usec;
    if (now_usec - look->covered_usec > MAX_COVERED_USEC)
        return TRUE;
    what = g_strdup_printf("the end of overlay '%s', which another program has created", chain[0]);
    sinter_job_run_set_waiting(run, what);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY, "waits for %s", what);
    return FALSE;
}

/* Returns FALSE if libvirt was about to end the disk's block job when it was asked: then its answer
 * has the mirror without the job, and maybe the chain of before. */
static gboolean
check_settled(const SinterDomain *domain, const char *target, GError **error)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, target);

    if (!disk || disk->mirror != SINTER_MIRROR_ENDING)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                "libvirt is ending the block job on disk %s, trying again", target);
    return FALSE;
}

/* (transfer full): the domain */
static SinterDomain *
scan(SinterJobRun *run, gboolean whole_host, GError **error)
{
    SinterChainLook *look = sinter_chain_look(run);
    SinterVirt *virt = run->context.virt;
    gint64 since_usec = sinter_job_run_take_since(run);
    SinterDomain *domain;

    if (!whole_host)
        return virt->klass->scan_domain(virt, run->record->domain_uuid, since_usec, error);
    look->host = virt->klass->scan_all(virt, error);
    if (!look->host)
        return NULL;
    domain = sinter_host_find_domain(look->host, run->record->domain_uuid);
    if (domain)
        return sinter_domain_ref(domain);
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "the domain no longer exists");
    return NULL;
}

gboolean
sinter_chain_observe(SinterJobRun *run, gboolean whole_host, GError **error)
{
    SinterChainLook *look = sinter_chain_look(run);
    const SinterObservation heard = { .seen = look->observation.seen,
                                      .all_copied = look->observation.all_copied };
    g_autoptr(GError) cause = NULL;

    sinter_chain_look_clear(look);
    look->observation = heard;
    look->domain = scan(run, whole_host, &cause);
    if (!look->domain) {
        if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (!check_responds(run, look->domain, error))
        return FALSE;
    if (look->domain->block_jobs_recalled) {
        /* too many others do not respond: a job that is not seen may run, and the other way round
         */
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "QEMU was not asked about the block jobs of domain '%s', trying again",
                    look->domain->name);
        return FALSE;
    }
    if (look->domain->partial) {
        /* a disk or a block job that could not be read may still exist */
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "the domain could not be read completely, trying again: %s",
                    look->domain->problem);
        return FALSE;
    }
    if (!check_settled(look->domain, run->record->plan->disk, error))
        return FALSE;
    SINTER_POINT("domain-read");
    look->observation.domain_exists = TRUE;
    look->observation.domain_active = look->domain->active;
    observe_disk(look, run->record->plan);
    return check_uncovered(run, error);
}

void
sinter_chain_look_clear(SinterChainLook *look)
{
    g_clear_pointer(&look->domain, sinter_domain_unref);
    g_clear_pointer(&look->host, sinter_host_free);
    look->observation = (SinterObservation){ 0 };
}
