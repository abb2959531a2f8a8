/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kind of job that repairs the images of a domain that an error has ended, or must end.
 * Invariant: the record names each step before it begins; the images are locked while they are
 * repaired, so no QEMU can open them; the domain is started only if the last check of every image
 * that was to be repaired finds no damage.
 */

#include "sinter-offline-remedy-job.h"

#include <libvirt/libvirt.h>

#include "sinter-check-images.h"
#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-offline-remedy-reconcile.h"
#include "sinter-point.h"
#include "sinter-worker-seat.h"

/* Between two attempts to reach libvirt. */
#define RETRY_USEC G_USEC_PER_SEC

typedef struct {
    SinterWorkerSeat seat;
    SinterOfflineRemedyLook look;
    SinterDomain *domain; /* as observed last */
} State;

static void
clear(SinterJobRun *run)
{
    State *state = run->state;

    g_clear_pointer(&state->domain, sinter_domain_unref);
}

/* --- observing -------------------------------------------------------------------------------- */

static SinterDomainUse
find_use_off(const SinterDiskPlan *plan, const SinterDomain *domain)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, plan->disk);
    g_auto(GStrv) chain = disk ? sinter_disk_dup_chain(disk) : NULL;

    return chain &&
                   g_strv_equal((const char *const *)chain, (const char *const *)plan->chain_before)
               ? SINTER_DOMAIN_IS_OFF
               : SINTER_DOMAIN_IS_DIFFERENT;
}

/* The first QEMU process that a job which stops the domain sees is the one that failed. */
static gboolean
find_use(SinterJobRun *run, const SinterDomain *domain, SinterDomainUse *ret, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autofree char *identity = NULL;

    *ret = domain->active ? SINTER_DOMAIN_RUNS_ANEW : find_use_off(record->plan, domain);
    if (!domain->active || !record->plan->stops)
        return TRUE;
    identity = virt->klass->identify(virt, record->domain_uuid, error);
    if (!identity)
        return FALSE;
    if (!record->qemu_identity && record->phase < SINTER_PHASE_STOPPING)
        record->qemu_identity = g_strdup(identity);
    if (g_strcmp0(identity, record->qemu_identity) != 0)
        return TRUE;
    *ret = domain->state == SINTER_DOMAIN_PAUSED && domain->reason == VIR_DOMAIN_PAUSED_IOERROR
               ? SINTER_DOMAIN_HAS_FAILED
               : SINTER_DOMAIN_IS_IN_USE;
    return TRUE;
}

static gboolean
observe(SinterJobRun *run, GError **error)
{
    State *state = run->state;
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) cause = NULL;

    clear(run);
    state->look.use = SINTER_DOMAIN_IS_GONE;
    state->domain =
        virt->klass->scan_domain(virt, run->record->domain_uuid, g_get_monotonic_time(), &cause);
    if (!state->domain && g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    if (!state->domain) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (state->domain->unresponsive_since_usec != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "the present state of domain '%s' is not known", state->domain->name);
        return FALSE;
    }
    return find_use(run, state->domain, &state->look.use, error);
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    const State *state = run->state;

    return sinter_offline_remedy_reconcile(run->record, &state->look);
}

/* --- steps ------------------------------------------------------------------------------------ */

/* Records that @phase begins. FALSE if it must not: the job has ended, or is to end. */
static gboolean
begin(SinterJobRun *run, SinterPhase phase)
{
    g_autoptr(GError) error = NULL;

    if (run->record->started_usec == 0)
        run->record->started_usec = g_get_real_time();
    if (sinter_job_run_enter_phase(run, phase, &error))
        return TRUE;
    sinter_job_run_fail(run, error);
    return FALSE;
}

/* After a call to libvirt that may have been carried out although it failed, the next observation
 * tells what is so. */
static void
take_failure(SinterJobRun *run, const GError *error)
{
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED) ||
        g_error_matches(error, SINTER_ERROR, SINTER_ERROR_BUSY)) {
        sinter_job_run_log(run, G_LOG_LEVEL_INFO, error->message);
        sinter_job_run_wait(run, RETRY_USEC);
    } else {
        sinter_job_run_fail(run, error);
    }
}

static void
step_stop(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) error = NULL;

    if (!begin(run, SINTER_PHASE_STOPPING))
        return;
    SINTER_POINT("remedy-stopping");
    if (!virt->klass->stop_failed(virt, run->record->domain_uuid, &error))
        take_failure(run, error);
    SINTER_POINT("remedy-stopped");
}

/* (transfer full) (nullable): what is wrong with the images after the repair */
static char *
find_damage(const SinterJobRecord *record)
{
    for (guint i = 0; i < record->reports->len; i++) {
        const SinterImageReport *report = record->reports->pdata[i];

        if (report->state != SINTER_IMAGE_CHECKED)
            return g_strdup_printf("'%s' was not checked: %s", report->path,
                                   report->text ? report->text : "unknown reason");
        if (report->text)
            return g_strdup_printf("'%s': %s", report->path, report->text);
        if (report->corruptions > 0 || report->errors > 0 || !report->complete)
            return g_strdup_printf("'%s' has %" G_GUINT64_FORMAT
                                   " corruptions and %" G_GUINT64_FORMAT
                                   " errors that were not repaired",
                                   report->path, report->corruptions, report->errors);
    }
    return NULL;
}

static void
take_reports(SinterJobRun *run)
{
    State *state = run->state;
    g_autofree char *damage = find_damage(run->record);
    g_autofree char *text = NULL;

    state->look.repaired = damage == NULL;
    if (!damage)
        return;
    text = g_strdup_printf("%s; the domain stays shut off", damage);
    sinter_job_run_finish(run, SINTER_PHASE_FAILED, SINTER_ERROR_CORRUPT, text);
}

static void
step_repair(SinterJobRun *run, const SinterVerdict *verdict)
{
    const State *state = run->state;
    const SinterDisk *disk = sinter_domain_find_disk(state->domain, run->record->plan->disk);
    g_autoptr(GError) error = NULL;
    SinterCheckEnd end;

    if (!begin(run, SINTER_PHASE_REPAIRING))
        return;
    SINTER_POINT("remedy-repairing");
    end = sinter_check_images(run, disk, &error);
    SINTER_POINT("remedy-repaired");
    if (end == SINTER_CHECK_STOPPED)
        return;
    sinter_check_keep_undo_files(run);
    if (end == SINTER_CHECK_FAILED)
        sinter_job_run_fail(run, error);
    else
        take_reports(run);
}

static void
step_start(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) error = NULL;

    if (!begin(run, SINTER_PHASE_STARTING))
        return;
    SINTER_POINT("remedy-starting");
    if (!virt->klass->start_domain(virt, run->record->domain_uuid, &error))
        take_failure(run, error);
    SINTER_POINT("remedy-started");
}

static void
step_done(SinterJobRun *run, const SinterVerdict *verdict)
{
    sinter_job_run_finish(run, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
}

static void
step_end(SinterJobRun *run, const SinterVerdict *verdict)
{
    sinter_check_keep_undo_files(run);
    sinter_job_run_finish(
        run, verdict->next == SINTER_NEXT_CANCELLED ? SINTER_PHASE_CANCELLED : SINTER_PHASE_FAILED,
        verdict->error, verdict->reason);
}

/* Whatever happened to the domain, its state tells. */
static SinterHeard
hear(SinterJobRun *run, const SinterEvent *event)
{
    return SINTER_HEARD_NEWS;
}

const SinterJobKind sinter_offline_remedy_job_kind = {
    .name = SINTER_JOB_KIND_OFFLINE_REMEDY,
    .state_size = sizeof(State),
    .seat_offset = G_STRUCT_OFFSET(State, seat),
    .clear = clear,
    .observe = observe,
    .decide = decide,
    .hear = hear,
    .steps = {
        [SINTER_NEXT_STOP] = step_stop,
        [SINTER_NEXT_CHECK] = step_repair,
        [SINTER_NEXT_START] = step_start,
        [SINTER_NEXT_VERIFY] = step_done,
        [SINTER_NEXT_FAIL] = step_end,
        [SINTER_NEXT_CANCELLED] = step_end,
    },
};
