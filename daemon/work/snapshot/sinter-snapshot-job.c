/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The kind of job that creates a snapshot. Invariant: the record on disk names all overlays before
 * the first of them exists; a file is removed only if the job created it or had libvirt create it,
 * no process uses it, and no disk of the domain is on it.
 */

#include "sinter-snapshot-job.h"

#include "sinter-job-report.h"
#include "sinter-job-wait.h"
#include "sinter-point.h"
#include "sinter-snapshot-overlay.h"
#include "sinter-snapshot-reconcile.h"

#include <sys/stat.h>

typedef struct {
    SinterSnapshotSeen seen;
    SinterDomain *domain; /* as last read; NULL if it does not exist */
    GError *refusal;      /* libvirt's, or why an overlay could not be created */
} State;

static void
clear(SinterJobRun *run)
{
    State *state = run->state;

    g_clear_pointer(&state->domain, sinter_domain_unref);
    g_clear_error(&state->refusal);
}

/* --- observing -------------------------------------------------------------------------------- */

static void
see_disk(SinterSnapshotSeen *seen, const SinterDisk *disk, const char *frozen, const char *overlay)
{
    const SinterLayer *active =
        disk && disk->layers->len > 0 ? g_ptr_array_index(disk->layers, 0) : NULL;

    seen->n_disks++;
    if (!active)
        return;
    seen->n_open += g_strcmp0(active->path, frozen) == 0;
    seen->n_sealed += g_strcmp0(active->path, overlay) == 0;
    seen->busy |= disk->block_job != SINTER_BLOCK_JOB_NONE || disk->mirror != SINTER_MIRROR_NONE;
}

static gboolean
has_overlay(const SinterSnapshot *snapshot, const char *overlay)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);

        if (g_strcmp0(disk->overlay_path, overlay) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
see_snapshot(SinterSnapshotSeen *seen, const SinterDomain *domain, const SinterDiskPlan *plan)
{
    const SinterSnapshot *snapshot = sinter_domain_find_snapshot(domain, plan->snapshot_name);

    if (!snapshot)
        return;
    seen->described = TRUE;
    for (char **overlay = plan->overlay_paths; *overlay; overlay++)
        seen->described &= has_overlay(snapshot, *overlay);
    seen->name_taken = !seen->described;
}

static void
see_files(SinterSnapshotSeen *seen, const SinterDiskPlan *plan)
{
    for (char **overlay = plan->overlay_paths; *overlay; overlay++)
        seen->use = MAX(seen->use, sinter_overlay_look(*overlay));
}

/* Whether the domain runs in another QEMU process than the one of the record. */
static gboolean
see_process(SinterJobRun *run, SinterSnapshotSeen *seen, GError **error)
{
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autoptr(GError) cause = NULL;
    g_autofree char *identity = NULL;

    if (!seen->domain_active)
        return TRUE;
    identity = virt->klass->identify(virt, record->domain_uuid, &cause);
    if (!identity && !g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    if (record->phase < SINTER_PHASE_SEALING) {
        g_free(record->qemu_identity);
        record->qemu_identity = g_strdup(identity);
    }
    seen->other_qemu = g_strcmp0(identity, record->qemu_identity) != 0;
    return TRUE;
}

static gboolean
see_domain(SinterJobRun *run, const SinterDomain *domain, GError **error)
{
    State *state = run->state;
    SinterSnapshotSeen *seen = &state->seen;
    const SinterDiskPlan *plan = run->record->plan;

    if (domain->partial || domain->unresponsive_since_usec != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "the present state of domain '%s' is not known", domain->name);
        return FALSE;
    }
    seen->domain_exists = TRUE;
    seen->domain_active = domain->active;
    seen->saved = domain->has_managed_save;
    for (guint i = 0; plan->snapshot_disks[i]; i++)
        see_disk(seen, sinter_domain_find_disk(domain, plan->snapshot_disks[i]),
                 plan->frozen_paths[i], plan->overlay_paths[i]);
    see_snapshot(seen, domain, plan);
    see_files(seen, plan);
    return see_process(run, seen, error);
}

static gboolean
observe(SinterJobRun *run, GError **error)
{
    State *state = run->state;
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) cause = NULL;

    g_clear_pointer(&state->domain, sinter_domain_unref);
    state->seen = (SinterSnapshotSeen){ .refused = state->refusal != NULL };
    state->domain = virt->klass->scan_domain(virt, run->record->domain_uuid,
                                             sinter_job_run_take_since(run), &cause);
    if (state->domain)
        return see_domain(run, state->domain, error);
    if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

static SinterVerdict
decide(const SinterJobRun *run)
{
    const State *state = run->state;

    return sinter_snapshot_reconcile(run->record, &state->seen);
}

/* --- steps ------------------------------------------------------------------------------------ */

/* A file of that name that is older than the job is not the job's. */
static gboolean
is_own(const SinterJobRecord *record, const char *path)
{
    gint64 started_sec = record->started_usec / G_USEC_PER_SEC;
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
           (gint64)st.st_mtime >= started_sec;
}

/* Removes what is left of an interrupted or refused request. */
static gboolean
remove_leftovers(SinterJobRun *run, GError **error)
{
    const SinterJobRecord *record = run->record;

    for (char **overlay = record->plan->overlay_paths; *overlay; overlay++) {
        if (sinter_overlay_look(*overlay) == SINTER_OVERLAY_ABSENT)
            continue;
        if (!is_own(record, *overlay)) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                        "'%s' exists and was not created by the job", *overlay);
            return FALSE;
        }
        if (!sinter_overlay_remove(*overlay, error))
            return FALSE;
    }
    return TRUE;
}

/* libvirt would create the overlays of a domain that is shut off readable for everybody. */
static gboolean
create_overlays(SinterJobRun *run, GError **error)
{
    const State *state = run->state;
    const SinterDiskPlan *plan = run->record->plan;

    for (guint i = 0; plan->offline && plan->snapshot_disks[i]; i++) {
        const SinterDisk *disk = sinter_domain_find_disk(state->domain, plan->snapshot_disks[i]);

        if (!sinter_snapshot_overlay_create(g_ptr_array_index(disk->layers, 0),
                                            plan->overlay_paths[i], error))
            return FALSE;
        SINTER_POINT("snapshot-overlay-created");
    }
    return TRUE;
}

/* Saves that the snapshot is about to be requested. */
static gboolean
announce(SinterJobRun *run, GError **error)
{
    SinterJobRecord *record = run->record;

    if (record->started_usec == 0)
        record->started_usec = g_get_real_time();
    return record->phase == SINTER_PHASE_SEALING ||
           sinter_job_run_enter_phase(run, SINTER_PHASE_SEALING, error);
}

static void
step_start(SinterJobRun *run, const SinterVerdict *verdict)
{
    State *state = run->state;
    SinterVirt *virt = run->context.virt;
    SinterJobRecord *record = run->record;
    g_autoptr(GError) error = NULL;

    if (!announce(run, &error)) {
        sinter_job_run_fail(run, error);
        return;
    }
    SINTER_POINT("snapshot-announced");
    if (remove_leftovers(run, &error) && create_overlays(run, &error)) {
        SINTER_POINT("snapshot-requesting");
        if (virt->klass->create_snapshot(virt, state->domain, record->plan, &error) ||
            sinter_job_is_lost(error))
            return;
    }
    /* the next observation shows whether it had no effect indeed */
    state->refusal = g_steal_pointer(&error);
}

static void
step_done(SinterJobRun *run, const SinterVerdict *verdict)
{
    SinterVirt *virt = run->context.virt;
    g_autoptr(GError) cause = NULL;

    SINTER_POINT("snapshot-created");
    if (!virt->klass->sync_definition(virt, run->record->domain_name, &cause))
        sinter_job_record_warn(
            run->record,
            "the definition with the new overlays may not survive a crash of the "
            "host: do not start domain '%s' then before its disks are checked "
            "with 'sinter chain': %s",
            run->record->domain_name, cause->message);
    sinter_job_run_finish(run, SINTER_PHASE_DONE, SINTER_ERROR_FAILED, NULL);
}

static void
step_end(SinterJobRun *run, const SinterVerdict *verdict)
{
    State *state = run->state;
    const SinterSnapshotSeen *seen = &state->seen;
    g_autoptr(GError) error = NULL;

    if (run->record->phase == SINTER_PHASE_SEALING && seen->domain_exists &&
        seen->n_open == seen->n_disks && !remove_leftovers(run, &error))
        sinter_job_record_warn(run->record, "an overlay is left: %s", error->message);
    if (state->refusal && verdict->next == SINTER_NEXT_FAIL)
        sinter_job_run_fail(run, state->refusal);
    else
        sinter_job_run_finish(
            run, verdict->next == SINTER_NEXT_FAIL ? SINTER_PHASE_FAILED : SINTER_PHASE_CANCELLED,
            verdict->error, verdict->reason);
}

const SinterJobKind sinter_snapshot_job_kind = {
    .name = SINTER_JOB_KIND_SNAPSHOT,
    .state_size = sizeof(State),
    .starts_at_once = TRUE,
    .clear = clear,
    .observe = observe,
    .decide = decide,
    .steps = {
        [SINTER_NEXT_START] = step_start,
        [SINTER_NEXT_VERIFY] = step_done,
        [SINTER_NEXT_FAIL] = step_end,
        [SINTER_NEXT_CANCELLED] = step_end,
    },
};
