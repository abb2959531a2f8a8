/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The steps from a changed chain to the end of the job. Invariant: nothing is removed before the
 * images that received its data are synced; if the kernel reports that a sync failed, the job is
 * quarantined.
 */

#include "sinter-chain-verify.h"

#include "sinter-cleanup.h"
#include "sinter-job-report.h"
#include "sinter-point.h"

static void
quarantine(SinterJobRun *run, const GError *error)
{
    sinter_job_run_finish(run, SINTER_PHASE_QUARANTINED, (SinterError)error->code, error->message);
}

static const SinterLayer *
first_layer(const GPtrArray *layers)
{
    return layers && layers->len > 0 ? layers->pdata[0] : NULL;
}

/* Warns if the definition for the next boot does not name the merged chain. */
static void
check_definition(SinterJobRun *run, const SinterDisk *disk)
{
    SinterJobRecord *record = run->record;
    const SinterLayer *live = first_layer(disk->layers);
    const SinterLayer *next = first_layer(disk->inactive_layers);

    if (!sinter_chain_look(run)->domain->persistent || !live || !disk->inactive_layers)
        return; /* transient, or only live, or only in the definition */
    if (next && sinter_layer_same_file(live, next))
        return;
    sinter_job_record_warn(record,
                           "the persistent definition names '%s' instead of '%s': correct it "
                           "(virsh edit %s) before the domain is started again",
                           next ? next->description : "no image", live->description,
                           record->domain_name);
    /* the reference graph keeps the files that the definition still names */
}

static gboolean
check_layers(const SinterDisk *disk, GError **error)
{
    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = disk->layers->pdata[i];

        if (layer->missing) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                        "after the merge, the chain contains '%s', which does not exist",
                        layer->description);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
sinter_chain_verify(SinterJobRun *run)
{
    SinterJobRecord *record = run->record;
    const SinterDisk *disk =
        sinter_domain_find_disk(sinter_chain_look(run)->domain, record->plan->disk);
    g_autoptr(GError) error = NULL;

    if (record->phase < SINTER_PHASE_VERIFYING) {
        /* verification only reads: the record need not be saved first */
        record->phase = SINTER_PHASE_VERIFYING;
        sinter_job_run_publish(run, FALSE);
    }
    if (!check_layers(disk, &error)) {
        quarantine(run, error);
        return FALSE;
    }
    SINTER_POINT("layers-checked");
    check_definition(run, disk);
    SINTER_POINT("definition-checked");
    return TRUE;
}

/* The chain is as planned; a job that has an error nevertheless ends with it. */
static void
finish(SinterJobRun *run)
{
    SinterError code = run->record->error_code;
    g_autofree char *message = g_strdup(run->record->error_message);

    if (!message)
        sinter_job_run_finish(run, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
    else
        sinter_job_run_finish(
            run, code == SINTER_ERROR_CANCELLED ? SINTER_PHASE_CANCELLED : SINTER_PHASE_FAILED,
            code, message);
}

void
sinter_chain_clean_up(SinterJobRun *run, gboolean may_remove)
{
    SinterJobRecord *record = run->record;
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) cause = NULL;
    g_autofree char *doubt = NULL;

    if (!sinter_cleanup_sync(record->plan, &doubt, &error)) {
        quarantine(run, error);
        return;
    }
    SINTER_POINT("images-synced");
    /* before the record says so: a crash of the host must not bring the old chain back */
    if (!virt->klass->sync_definition(virt, record->domain_name, &cause) && !doubt)
        doubt = g_strdup(cause->message);
    SINTER_POINT("definition-durable");
    if (doubt)
        sinter_job_record_warn(record, "the merged files are kept: %s", doubt);
    if (sinter_cleanup_changes_anything(record->plan) &&
        !sinter_job_run_enter_phase(run, SINTER_PHASE_CLEANING, &error))
        sinter_job_record_warn(record, "the merged files are kept: %s", error->message);
    else if (!sinter_cleanup_run(virt, record, may_remove && !doubt, &error))
        return; /* the connection is lost: observe and clean up again later */
    SINTER_POINT("cleaned");
    finish(run);
}
