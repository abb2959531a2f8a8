/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns plans into jobs. Owns every job, admits queued ones as the budgets allow, those of users
 * before those of policies and then in the order of their ids, passes libvirt's events to the jobs
 * that they concern, and trims ended jobs. Invariant: a disk has at most one job that has not
 * ended; a job counts in its budgets from admission to its end.
 */

#include "sinter-executor.h"

#include "sinter-check-planner.h"
#include "sinter-job-private.h"
#include "sinter-job-store.h"
#include "sinter-log.h"
#include "sinter-virt-libvirt.h"

#include <libvirt/libvirt.h>
#include <string.h>

#define POLL_USEC (G_USEC_PER_SEC / 2)

/* CONNECTED wakes jobs after a reconnection; the retry covers an event that came before the job
 * waited. */
#define RETRY_USEC (5 * G_USEC_PER_SEC)

/* How long to wait for threads that are blocked in a libvirt call that does not return. */
#define STOP_USEC (5 * G_USEC_PER_SEC)

struct _SinterExecutor {
    GObject parent_instance;
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterVirt *virt;
    SinterJobStore *store;
    SinterSpaceLedger *ledger;
    SinterPatience *storage;
    SinterJobLimits limits;
    char *jobs_dir;
    char *undo_dir;
    char *uri;
    GPtrArray *jobs;    /* of SinterJob, ordered by id */
    GPtrArray *records; /* of SinterJobRecord: loaded, not yet taken over; NULL after the start */
    gulong event_handler;
    gboolean trimming;  /* a thread is removing records */
    gboolean abandoned; /* a thread was abandoned and still uses virt, store and ledger */
};

G_DEFINE_FINAL_TYPE(SinterExecutor, sinter_executor, G_TYPE_OBJECT)

enum { SIGNAL_JOB_ADDED, SIGNAL_JOB_REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

static gboolean
is_unended(SinterJob *job)
{
    return !sinter_phase_is_final(sinter_job_get_record(job)->phase);
}

/* --- budgets -------------------------------------------------------------------------------- */

/* A job that waits for a domain to be shut off or to respond, or for a lock, may wait for days, and
 * does not count in the budgets meanwhile. */
static gboolean
is_working(SinterJob *job)
{
    const SinterJobRecord *record = sinter_job_get_record(job);

    return is_unended(job) && sinter_job_is_admitted(job) &&
           record->phase != SINTER_PHASE_WAITING && !record->waiting_for;
}

static gboolean
has_room(SinterExecutor *self, guint64 fs_device)
{
    guint n_host = 0;
    guint n_storage = 0;

    for (guint i = 0; i < self->jobs->len; i++) {
        SinterJob *job = self->jobs->pdata[i];

        if (!is_working(job))
            continue;
        n_host++;
        n_storage += sinter_job_get_record(job)->plan->fs_device == fs_device;
    }
    return n_host < self->limits.max_jobs_per_host && n_storage < self->limits.max_jobs_per_storage;
}

/* Those of users first. Jobs that were admitted but wait for space are notified once more. */
static void
admit_jobs(SinterExecutor *self)
{
    for (guint i = 0, n = self->jobs->len; i < 2 * n; i++) {
        SinterJob *job = self->jobs->pdata[i % n];
        const SinterDiskPlan *plan = sinter_job_get_record(job)->plan;

        if (is_unended(job) && (plan->policy != NULL) == (i >= n) &&
            (sinter_job_is_admitted(job) || has_room(self, plan->fs_device)))
            sinter_job_admit(job);
    }
}

/* --- keeping and trimming jobs --------------------------------------------------------------- */

/* (nullable): the ended job that ended first; not by id, because a job that ran for days has a low
 * id and is still recent; none that a user must resolve */
static SinterJob *
find_first_ended(SinterExecutor *self)
{
    SinterJob *first = NULL;

    for (guint i = 0; i < self->jobs->len; i++) {
        SinterJob *job = self->jobs->pdata[i];

        if (!is_unended(job) && !sinter_job_get_record(job)->in_doubt &&
            (!first ||
             sinter_job_get_record(job)->ended_usec < sinter_job_get_record(first)->ended_usec))
            first = job;
    }
    return first;
}

/* (transfer full) (nullable): removes the ended jobs above the limit from the list, those that
 * ended first */
static GPtrArray *
take_expired(SinterExecutor *self)
{
    guint n_ended = self->jobs->len - sinter_executor_count_unended(self);
    g_autoptr(GPtrArray) expired = g_ptr_array_new_with_free_func(g_object_unref);

    for (; n_ended > self->limits.keep_records; n_ended--) {
        SinterJob *job = find_first_ended(self);

        if (!job)
            break;
        g_ptr_array_add(expired, g_object_ref(job));
        g_ptr_array_remove(self->jobs, job);
    }
    return expired->len > 0 ? g_steal_pointer(&expired) : NULL;
}

static void
remove_records_in_thread(GTask *task, gpointer source_object, gpointer task_data,
                         GCancellable *cancellable)
{
    SinterExecutor *self = source_object;
    GStrv ids = task_data;

    for (; *ids; ids++) {
        g_autoptr(GError) error = NULL;

        if (!sinter_job_store_remove(self->store, *ids, &error))
            sinter_log(G_LOG_LEVEL_WARNING, NULL, "%s", error->message);
    }
    g_task_return_boolean(task, TRUE);
}

static GStrv
dup_ids(const GPtrArray *jobs)
{
    g_autoptr(GStrvBuilder) ids = g_strv_builder_new();

    for (guint i = 0; i < jobs->len; i++)
        g_strv_builder_add(ids, sinter_job_get_record(jobs->pdata[i])->id);
    return g_strv_builder_end(ids);
}

static void trim_jobs(SinterExecutor *self);

static void
on_records_removed(GObject *object, GAsyncResult *result, gpointer user_data)
{
    SinterExecutor *self = SINTER_EXECUTOR(object);
    g_autoptr(GPtrArray) expired = user_data;

    for (guint i = 0; i < expired->len; i++)
        g_signal_emit(self, signals[SIGNAL_JOB_REMOVED], 0, expired->pdata[i]);
    self->trimming = FALSE;
    trim_jobs(self);
}

/* Removes the ended jobs above the limit. A job disappears only after its record was removed
 * durably; only one removal runs at a time, to keep the order. If the daemon stops first, the next
 * start completes it. */
static void
trim_jobs(SinterExecutor *self)
{
    GPtrArray *expired = self->trimming ? NULL : take_expired(self);
    g_autoptr(GTask) task = NULL;

    if (!expired)
        return;
    self->trimming = TRUE;
    task = g_task_new(self, NULL, on_records_removed, expired);
    g_task_set_task_data(task, dup_ids(expired), (GDestroyNotify)g_strfreev);
    g_task_run_in_thread(task, remove_records_in_thread);
}

/* What differs between the two images of a job that is in doubt is found out at once, if that is
 * possible. */
static void
compare_doubtful(SinterJob *job, SinterExecutor *self)
{
    const SinterJobRecord *record = sinter_job_get_record(job);

    if (self->event_handler && record->in_doubt && !record->choice)
        sinter_job_resolve(job, SINTER_JOB_CHOICE_COMPARE, NULL);
}

static void
on_job_ended(SinterJob *job, SinterExecutor *self)
{
    compare_doubtful(job, self);
    admit_jobs(self);
    trim_jobs(self);
}

static void
on_job_changed(SinterJob *job, SinterExecutor *self)
{
    const SinterJobRecord *record = sinter_job_get_record(job);

    if (record->phase == SINTER_PHASE_WAITING || record->waiting_for)
        admit_jobs(self);
}

static SinterJob *
add_job(SinterExecutor *self, SinterJobRecord *record)
{
    SinterJobContext context = {
        .virt = self->virt,
        .store = self->store,
        .ledger = self->ledger,
        .storage = self->storage,
        .patience_usec = (guint64)self->limits.converge_after_sec * G_USEC_PER_SEC,
        .max_pause_usec = (guint64)self->limits.max_pause_msec * 1000,
        .uri = self->uri,
        .undo_dir = self->undo_dir,
        .keep_undo_files = self->limits.keep_undo_files,
        .keep_undo_days = self->limits.keep_undo_days,
        .poll_usec = POLL_USEC,
        .retry_usec = RETRY_USEC,
    };
    SinterJob *job = sinter_job_new(&context, record);

    g_ptr_array_add(self->jobs, job);
    g_signal_connect_object(job, "changed", G_CALLBACK(on_job_changed), self, 0);
    g_signal_connect_object(job, "ended", G_CALLBACK(on_job_ended), self, 0);
    g_signal_emit(self, signals[SIGNAL_JOB_ADDED], 0, job);
    return job;
}

/* --- events --------------------------------------------------------------------------------- */

static gboolean
concerns(const SinterEvent *event, const SinterJobRecord *record)
{
    switch (event->kind) {
    case SINTER_EVENT_CONNECTED:
        return TRUE;
    case SINTER_EVENT_BLOCK_JOB:
    case SINTER_EVENT_QMP_JOB_ERROR:
        return g_strcmp0(event->uuid, record->domain_uuid) == 0 &&
               g_strcmp0(event->disk, record->plan->disk) == 0;
    case SINTER_EVENT_LIFECYCLE:
        return g_strcmp0(event->uuid, record->domain_uuid) == 0 &&
               (record->plan->operation == SINTER_OPERATION_RECOVER ||
                event->status == VIR_DOMAIN_EVENT_STOPPED ||
                event->status == VIR_DOMAIN_EVENT_CRASHED ||
                event->status == VIR_DOMAIN_EVENT_UNDEFINED);
    default:
        return FALSE;
    }
}

static void
on_event(SinterInventory *inventory, const SinterEvent *event, SinterExecutor *self)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        SinterJob *job = self->jobs->pdata[i];

        if (is_unended(job) && concerns(event, sinter_job_get_record(job)))
            sinter_job_post_event(job, event);
    }
}

/* --- submitting ----------------------------------------------------------------------------- */

/* Checks that the domain still matches the plan. No I/O: both sides come from the inventory. */
static gboolean
check_chain(SinterExecutor *self, const SinterPlan *plan, const SinterDiskPlan *part,
            GError **error)
{
    gboolean of_file = plan->domain_uuid[0] == '\0';
    g_autoptr(SinterDomain) domain =
        of_file ? NULL : sinter_inventory_lookup(self->inventory, plan->domain_uuid);
    const SinterDisk *disk = domain ? sinter_domain_find_disk(domain, part->disk) : NULL;
    g_auto(GStrv) now = disk ? sinter_disk_dup_chain(disk) : NULL;

    if (of_file)
        return TRUE;
    if (!domain) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "domain '%s' no longer exists",
                    plan->domain_name);
        return FALSE;
    }
    if (now && part->chain_before &&
        g_strv_equal((const char *const *)now, (const char *const *)part->chain_before) &&
        domain->active == plan->domain_active)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "the chain of domain '%s', disk %s has changed since the plan was made; make a "
                "new plan",
                plan->domain_name, part->disk);
    return FALSE;
}

static guint
count_unended_of(SinterExecutor *self, guint uid)
{
    guint n = 0;

    for (guint i = 0; i < self->jobs->len; i++) {
        SinterJob *job = self->jobs->pdata[i];

        n += is_unended(job) && sinter_job_get_record(job)->uid == uid;
    }
    return n;
}

static gboolean
check_bounds(SinterExecutor *self, const SinterPlan *plan, guint uid, GError **error)
{
    if (uid == 0 || count_unended_of(self, uid) + plan->disks->len <= self->limits.max_jobs_per_uid)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                "user %u has the maximum of %u unfinished jobs; wait for one to end, or cancel one",
                uid, self->limits.max_jobs_per_uid);
    return FALSE;
}

static gboolean
check_disk_free(SinterExecutor *self, const SinterPlan *plan, const SinterDiskPlan *part,
                GError **error)
{
    SinterJob *job = sinter_executor_find_on_disk(self, plan->domain_uuid, part->disk);
    gboolean of_file = plan->domain_uuid[0] == '\0';

    for (char **disk = part->snapshot_disks; !job && *disk; disk++)
        job = sinter_executor_find_on_disk(self, plan->domain_uuid, *disk);
    if (!job)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                "job %s is running on %s%s%s%s; wait for it to end, or cancel it",
                sinter_job_get_record(job)->id, of_file ? "'" : "domain '",
                of_file ? part->disk : plan->domain_name, of_file ? "'" : "', disk ",
                of_file ? "" : part->disk);
    return FALSE;
}

/* While it is unknown which image of a disk is current, none of them must change. */
static gboolean
check_no_doubt(SinterExecutor *self, const SinterPlan *plan, const SinterDiskPlan *part,
               GError **error)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        const SinterJobRecord *record = sinter_job_get_record(self->jobs->pdata[i]);
        gboolean reads = part->operation == SINTER_OPERATION_CHECK && !part->seal;

        if (!record->in_doubt || reads || strcmp(record->domain_uuid, plan->domain_uuid) != 0 ||
            !sinter_disk_plan_is_on(part, record->plan->disk))
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "job %s could not determine which image of domain '%s', disk %s is current: "
                    "resolve it first (sinter job %s)",
                    record->id, plan->domain_name, part->disk, record->id);
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_plan(SinterExecutor *self, const SinterPlan *plan, guint uid, GError **error)
{
    const SinterRefusal *refusal = sinter_plan_get_refusal(plan);

    if (refusal) {
        g_set_error(error, SINTER_ERROR, sinter_refusal_code_error(refusal->code), "%s",
                    refusal->text);
        return FALSE;
    }
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *part = plan->disks->pdata[i];

        if (part->refusals->len > 0)
            continue;
        if (!check_disk_free(self, plan, part, error) || !check_no_doubt(self, plan, part, error) ||
            !check_chain(self, plan, part, error))
            return FALSE;
    }
    return check_bounds(self, plan, uid, error);
}

static const char *
choose_kind(const SinterDiskPlan *part)
{
    if (part->operation == SINTER_OPERATION_CHECK)
        return part->seal ? SINTER_JOB_KIND_LIVE_CHECK : SINTER_JOB_KIND_CHECK;
    if (part->operation == SINTER_OPERATION_REPAIR)
        return SINTER_JOB_KIND_REPAIR;
    if (part->operation == SINTER_OPERATION_SNAPSHOT)
        return SINTER_JOB_KIND_SNAPSHOT;
    if (part->operation == SINTER_OPERATION_RECOVER)
        return part->repairs ? SINTER_JOB_KIND_OFFLINE_REMEDY : SINTER_JOB_KIND_REMEDY;
    return part->offline ? SINTER_JOB_KIND_OFFLINE : SINTER_JOB_KIND_LIVE;
}

static SinterJobRecord *
make_record(SinterExecutor *self, const SinterPlan *plan, const SinterDiskPlan *part,
            const SinterJobOptions *options)
{
    SinterJobRecord *record = sinter_job_record_new();

    record->id = sinter_job_store_new_id(self->store);
    record->kind = g_strdup(choose_kind(part));
    record->domain_uuid = g_strdup(plan->domain_uuid);
    record->domain_name = g_strdup(plan->domain_name);
    record->plan = sinter_disk_plan_copy(part);
    sinter_check_planner_name_overlay(record->plan, record->id);
    record->bandwidth_bytes_per_sec = options->bandwidth_set ? options->bandwidth_bytes_per_sec
                                                             : self->limits.bandwidth_bytes_per_sec;
    record->uid = options->uid;
    record->created_usec = g_get_real_time();
    return record;
}

GPtrArray *
sinter_executor_submit(SinterExecutor *self, const SinterPlan *plan,
                       const SinterJobOptions *options, GError **error)
{
    g_autoptr(GPtrArray) jobs = NULL;

    if (!self->event_handler) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                            "the service is starting or stopping; try again");
        return NULL;
    }
    if (!check_plan(self, plan, options->uid, error))
        return NULL;
    jobs = g_ptr_array_new();
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *part = plan->disks->pdata[i];

        if (part->refusals->len == 0)
            g_ptr_array_add(jobs, add_job(self, make_record(self, plan, part, options)));
    }
    admit_jobs(self);
    return g_steal_pointer(&jobs);
}

/* --- look-ups ------------------------------------------------------------------------------- */

SinterJob *
sinter_executor_find_on_disk(SinterExecutor *self, const char *domain_uuid, const char *disk)
{
    for (guint i = 0; i < self->jobs->len; i++) {
        SinterJob *job = self->jobs->pdata[i];
        const SinterJobRecord *record = sinter_job_get_record(job);

        if (is_unended(job) && strcmp(record->domain_uuid, domain_uuid) == 0 &&
            sinter_disk_plan_is_on(record->plan, disk))
            return job;
    }
    return NULL;
}

guint
sinter_executor_count_room(SinterExecutor *self)
{
    guint n = 0;

    for (guint i = 0; i < self->jobs->len; i++) {
        const SinterJobRecord *record = sinter_job_get_record(self->jobs->pdata[i]);

        n += is_unended(self->jobs->pdata[i]) && record->phase != SINTER_PHASE_WAITING &&
             !record->waiting_for;
    }
    return n < self->limits.max_jobs_per_host ? self->limits.max_jobs_per_host - n : 0;
}

guint
sinter_executor_count_unended(SinterExecutor *self)
{
    guint n = 0;

    for (guint i = 0; i < self->jobs->len; i++)
        n += is_unended(self->jobs->pdata[i]);
    return n;
}

/* --- life cycle ----------------------------------------------------------------------------- */

SinterExecutor *
sinter_executor_new(SinterConnection *connection, SinterInventory *inventory, const char *state_dir,
                    const SinterJobLimits *limits)
{
    SinterExecutor *self = g_object_new(SINTER_TYPE_EXECUTOR, NULL);

    self->connection = g_object_ref(connection);
    self->inventory = g_object_ref(inventory);
    self->storage = sinter_patience_ref(sinter_inventory_get_settings(inventory)->memory->storage);
    self->virt = sinter_virt_libvirt_new(connection, sinter_inventory_get_settings(inventory));
    self->limits = *limits;
    self->jobs_dir = g_build_filename(state_dir, "jobs", NULL);
    self->undo_dir = g_build_filename(state_dir, "undo", NULL);
    self->uri = g_strdup(sinter_connection_get_uri(connection));
    return self;
}

gboolean
sinter_executor_load(SinterExecutor *self, GError **error)
{
    self->store = sinter_job_store_new(self->jobs_dir, error);
    if (self->store)
        self->records = sinter_job_store_load(self->store, error);
    return self->records != NULL;
}

void
sinter_executor_start(SinterExecutor *self)
{
    g_autoptr(GPtrArray) records = g_steal_pointer(&self->records);

    g_return_if_fail(records != NULL);
    self->event_handler =
        g_signal_connect_object(self->inventory, "event", G_CALLBACK(on_event), self, 0);
    g_ptr_array_set_free_func(records, NULL);
    for (guint i = 0; i < records->len; i++)
        add_job(self, records->pdata[i]);
    admit_jobs(self);
    trim_jobs(self);
}

gboolean
sinter_executor_stop(SinterExecutor *self)
{
    gint64 deadline_usec = g_get_monotonic_time() + STOP_USEC;

    g_clear_signal_handler(&self->event_handler, self->inventory);
    for (guint i = 0; i < self->jobs->len; i++)
        sinter_job_ask_to_stop(self->jobs->pdata[i]);
    for (guint i = 0; i < self->jobs->len; i++) {
        if (!sinter_job_stop(self->jobs->pdata[i], deadline_usec))
            self->abandoned = TRUE;
    }
    return !self->abandoned;
}

static void
sinter_executor_finalize(GObject *object)
{
    SinterExecutor *self = SINTER_EXECUTOR(object);

    sinter_executor_stop(self);
    g_ptr_array_unref(self->jobs);
    g_clear_pointer(&self->records, g_ptr_array_unref);
    if (!self->abandoned) {
        g_clear_pointer(&self->ledger, sinter_space_ledger_free);
        g_clear_pointer(&self->storage, sinter_patience_unref);
        g_clear_pointer(&self->store, sinter_job_store_free);
        g_clear_pointer(&self->virt, sinter_virt_libvirt_free);
    }
    g_clear_object(&self->inventory);
    g_clear_object(&self->connection);
    g_free(self->jobs_dir);
    if (!self->abandoned)
        g_free(self->undo_dir);
    g_free(self->uri);
    G_OBJECT_CLASS(sinter_executor_parent_class)->finalize(object);
}

static void
sinter_executor_class_init(SinterExecutorClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_executor_finalize;
    signals[SIGNAL_JOB_ADDED] = g_signal_new("job-added", SINTER_TYPE_EXECUTOR, G_SIGNAL_RUN_LAST,
                                             0, NULL, NULL, NULL, G_TYPE_NONE, 1, SINTER_TYPE_JOB);
    signals[SIGNAL_JOB_REMOVED] =
        g_signal_new("job-removed", SINTER_TYPE_EXECUTOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                     G_TYPE_NONE, 1, SINTER_TYPE_JOB);
}

static void
sinter_executor_init(SinterExecutor *self)
{
    self->jobs = g_ptr_array_new_with_free_func(g_object_unref);
    self->ledger = sinter_space_ledger_new();
}
