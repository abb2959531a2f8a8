/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Live jobs against a played host: states that libvirt cannot be made to show on demand, and a
 * daemon that dies before or after every single call, then is started again. The files that are
 * removed are real ones.
 */

#include "sinter-live-job.h"
#include "sinter-reconcile.h"

#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/stat.h>

/* --- a host that plays along ---------------------------------------------------------------- */

typedef struct {
    SinterVirt parent;
    GMutex lock; /* guards everything below: the job's thread and the test's use it */
    char *dir;
    char **chain; /* live, active first */
    char **snapshots;
    SinterBlockJobType job;
    SinterMirror mirror;
    gboolean active;
    int state;
    gboolean exists;
    gboolean connected;
    const SinterDiskPlan *plan;
    SinterMailbox *mailbox;  /* where events go, or NULL */
    SinterSeenEvent outcome; /* how the block job is to end: COMPLETED, FAILED, CANCELED */
    gboolean shared;         /* another domain names the first overlay */
    gboolean never_ready;
    guint n_refused_pivots; /* still to be refused */
    guint n_calls;
    guint die_at;       /* the call at which the daemon dies, 0 for never */
    gboolean die_after; /* … after it did its work */
    guint64 write_limit;
    guint n_suspends;
    guint n_resumes;
} Host;

static void
post_status(Host *host, int status)
{
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_BLOCK_JOB);

    event->status = status;
    if (host->mailbox)
        sinter_mailbox_post_event(host->mailbox, event);
}

/* Every call goes through here: FALSE when the connection is lost or the daemon dies. */
static gboolean
host_enter(Host *host, GError **error)
{
    g_mutex_lock(&host->lock);
    host->n_calls++;
    if (host->n_calls == host->die_at && !host->die_after) {
        sinter_mailbox_post(host->mailbox, SINTER_MESSAGE_STOP);
        host->connected = FALSE;
    }
    if (host->connected)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT, "lost");
    g_mutex_unlock(&host->lock);
    return FALSE;
}

static gboolean
host_leave(Host *host, GError **error)
{
    gboolean dies = host->n_calls == host->die_at && host->die_after;

    if (dies) {
        sinter_mailbox_post(host->mailbox, SINTER_MESSAGE_STOP);
        host->connected = FALSE;
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT, "lost");
    }
    g_mutex_unlock(&host->lock);
    return !dies;
}

static SinterDomain *
make_domain(Host *host, const char *uuid, char **chain)
{
    SinterDomain *domain = sinter_domain_new();
    SinterDisk *disk = sinter_disk_new();

    domain->uuid = g_strdup(uuid);
    domain->name = g_strdup(uuid);
    domain->active = host->active;
    domain->state = host->state;
    domain->persistent = TRUE;
    disk->target = g_strdup("vda");
    disk->device = g_strdup("disk");
    disk->mirror = host->mirror;
    disk->block_job = host->job;
    disk->inactive_layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    for (guint i = 0; chain[i]; i++) {
        for (int k = 0; k < 2; k++) {
            SinterLayer *layer = sinter_layer_new();

            layer->path = g_strdup(chain[i]);
            layer->description = g_strdup(chain[i]);
            layer->index = i + 1;
            layer->missing = !g_file_test(chain[i], G_FILE_TEST_EXISTS);
            g_ptr_array_add(k ? disk->inactive_layers : disk->layers, layer);
        }
    }
    g_ptr_array_add(domain->disks, disk);
    return domain;
}

static SinterDomain *
host_scan_domain(SinterVirt *virt, const char *uuid, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(SinterDomain) domain = NULL;

    if (!host_enter(host, error))
        return NULL;
    if (host->exists)
        domain = make_domain(host, uuid, host->chain);
    if (!host_leave(host, error))
        return NULL;
    if (!domain)
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no such domain");
    return g_steal_pointer(&domain);
}

static GPtrArray *
host_scan_all(SinterVirt *virt, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_domain_unref);

    if (!host_enter(host, error))
        return NULL;
    g_ptr_array_add(all, make_domain(host, "this", host->chain));
    if (host->shared)
        g_ptr_array_add(all, make_domain(host, "other", host->plan->chain_before));
    return host_leave(host, error) ? g_steal_pointer(&all) : NULL;
}

static gboolean
host_start(SinterVirt *virt, const SinterDomain *domain, const SinterDiskPlan *plan,
           guint64 bandwidth, GError **error)
{
    Host *host = (Host *)virt;

    if (!host_enter(host, error))
        return FALSE;
    g_assert_cmpint(host->job, ==, SINTER_BLOCK_JOB_NONE);
    host->job = sinter_reconcile_block_job(plan->operation);
    if (host->never_ready) {
        host->mirror = SINTER_MIRROR_COPYING;
    } else if (host->outcome == SINTER_SEEN_FAILED) {
        host->job = SINTER_BLOCK_JOB_NONE;
        post_status(host, VIR_DOMAIN_BLOCK_JOB_FAILED);
    } else if (host->job != SINTER_BLOCK_JOB_ACTIVE_COMMIT) {
        host->job = SINTER_BLOCK_JOB_NONE;
        g_strfreev(host->chain);
        host->chain = g_strdupv(plan->chain_after);
        post_status(host, VIR_DOMAIN_BLOCK_JOB_COMPLETED);
    } else {
        host->mirror = SINTER_MIRROR_READY;
        post_status(host, VIR_DOMAIN_BLOCK_JOB_READY);
    }
    return host_leave(host, error);
}

static gboolean
host_end(SinterVirt *virt, const char *uuid, const char *disk, gboolean pivot, GError **error)
{
    Host *host = (Host *)virt;

    if (!host_enter(host, error))
        return FALSE;
    if (pivot && host->n_refused_pivots > 0) {
        host->n_refused_pivots--;
        g_mutex_unlock(&host->lock);
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, "not ready");
        return FALSE;
    }
    g_assert_cmpint(host->job, !=, SINTER_BLOCK_JOB_NONE);
    host->job = SINTER_BLOCK_JOB_NONE;
    host->mirror = SINTER_MIRROR_NONE;
    if (pivot) {
        g_strfreev(host->chain);
        host->chain = g_strdupv(host->plan->chain_after);
    }
    post_status(host, pivot ? VIR_DOMAIN_BLOCK_JOB_COMPLETED : VIR_DOMAIN_BLOCK_JOB_CANCELED);
    return host_leave(host, error);
}

static gboolean
host_get_info(SinterVirt *virt, const char *uuid, const char *disk, SinterBlockJobInfo *ret_info,
              GError **error)
{
    Host *host = (Host *)virt;

    if (!host_enter(host, error))
        return FALSE;
    *ret_info = (SinterBlockJobInfo){ host->job, 500, 1000, 0 };
    if (host->n_suspends > 0 && host->mirror == SINTER_MIRROR_COPYING) {
        host->mirror = SINTER_MIRROR_READY; /* a held guest lets the copy catch up */
        post_status(host, VIR_DOMAIN_BLOCK_JOB_READY);
    }
    return host_leave(host, error);
}

static gboolean
host_set_bandwidth(SinterVirt *virt, const char *uuid, const char *disk, guint64 bytes,
                   GError **error)
{
    return host_enter((Host *)virt, error) && host_leave((Host *)virt, error);
}

static gboolean
host_get_write_limit(SinterVirt *virt, const char *uuid, const char *disk, guint64 *ret,
                     GError **error)
{
    if (!host_enter((Host *)virt, error))
        return FALSE;
    *ret = ((Host *)virt)->write_limit;
    return host_leave((Host *)virt, error);
}

static gboolean
host_set_write_limit(SinterVirt *virt, const char *uuid, const char *disk, guint64 bytes,
                     GError **error)
{
    if (!host_enter((Host *)virt, error))
        return FALSE;
    ((Host *)virt)->write_limit = bytes;
    return host_leave((Host *)virt, error);
}

static gboolean
host_suspend(SinterVirt *virt, const char *uuid, GError **error)
{
    if (!host_enter((Host *)virt, error))
        return FALSE;
    ((Host *)virt)->n_suspends++;
    return host_leave((Host *)virt, error);
}

static gboolean
host_resume(SinterVirt *virt, const char *uuid, GError **error)
{
    if (!host_enter((Host *)virt, error))
        return FALSE;
    ((Host *)virt)->n_resumes++;
    return host_leave((Host *)virt, error);
}

static gboolean
host_drop_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(GStrvBuilder) left = g_strv_builder_new();

    if (!host_enter(host, error))
        return FALSE;
    for (char **name = host->snapshots; *name; name++) {
        if (strcmp(*name, snapshot) != 0)
            g_strv_builder_add(left, *name);
    }
    g_strfreev(host->snapshots);
    host->snapshots = g_strv_builder_end(left);
    return host_leave(host, error);
}

static gboolean
host_redefine_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot, const char *disk,
                       const char *new_path, const char *new_format, GError **error)
{
    return host_enter((Host *)virt, error) && host_leave((Host *)virt, error);
}

static void
host_sync_definition(SinterVirt *virt, const char *name)
{
}

static gboolean
host_refresh_pool(SinterVirt *virt, const char *folder, GError **error)
{
    return host_enter((Host *)virt, error) && host_leave((Host *)virt, error);
}

static gboolean
host_error_is_lost(SinterVirt *virt, const GError *error)
{
    return g_error_matches(error, SINTER_ERROR, SINTER_ERROR_TIMED_OUT);
}

static const SinterVirtClass host_class = {
    .scan_domain = host_scan_domain,
    .scan_all = host_scan_all,
    .start = host_start,
    .end = host_end,
    .get_info = host_get_info,
    .set_bandwidth = host_set_bandwidth,
    .get_write_limit = host_get_write_limit,
    .set_write_limit = host_set_write_limit,
    .suspend = host_suspend,
    .resume = host_resume,
    .drop_snapshot = host_drop_snapshot,
    .redefine_snapshot = host_redefine_snapshot,
    .sync_definition = host_sync_definition,
    .refresh_pool = host_refresh_pool,
    .error_is_lost = host_error_is_lost,
};

/* --- the fixture: three layers that become one ----------------------------------------------- */

typedef struct {
    Host host;
    SinterJobStore *store;
    SinterJobRecord *record; /* as to be submitted */
    SinterJobRecord *last;   /* as last published */
    char *jobs;
    GMutex lock; /* guards last and ended */
    GCond cond;
    gboolean ended;
} Fixture;

static char *
make_file(const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, name, -1, NULL));
    return path;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    const char *snapshots[] = { "s1", "s2", NULL };
    const char *merged[] = { "top.qcow2", "mid.qcow2", NULL };
    g_autoptr(GStrvBuilder) before = g_strv_builder_new();
    g_autoptr(GStrvBuilder) remove = g_strv_builder_new();
    SinterDiskPlan *plan = sinter_disk_plan_new("vda");
    g_autoptr(GError) error = NULL;

    f->host.parent.klass = &host_class;
    g_mutex_init(&f->host.lock);
    f->host.dir = g_dir_make_tmp("sinter-live-XXXXXX", NULL);
    f->host.exists = f->host.active = f->host.connected = TRUE;
    f->host.state = VIR_DOMAIN_RUNNING;
    f->host.outcome = SINTER_SEEN_COMPLETED;
    f->host.snapshots = g_strdupv((char **)snapshots);
    for (int i = 0; merged[i]; i++) {
        g_autofree char *path = make_file(f->host.dir, merged[i]);

        g_strv_builder_add(before, path);
        g_strv_builder_add(remove, path);
    }
    plan->base_path = make_file(f->host.dir, "base.qcow2");
    g_strv_builder_add(before, plan->base_path);
    plan->operation = SINTER_OPERATION_ACTIVE_COMMIT;
    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    g_strfreev(plan->remove_files);
    g_strfreev(plan->drop_snapshots);
    plan->chain_before = g_strv_builder_end(before);
    plan->top_path = g_strdup(plan->chain_before[0]);
    plan->chain_after = g_strdupv((char *[]){ plan->base_path, NULL });
    plan->remove_files = g_strv_builder_end(remove);
    plan->drop_snapshots = g_strdupv((char **)snapshots);
    f->host.chain = g_strdupv(plan->chain_before);
    f->host.plan = plan;
    f->jobs = g_build_filename(f->host.dir, "jobs", NULL);
    f->store = sinter_job_store_new(f->jobs, &error);
    g_assert_no_error(error);
    f->record = sinter_job_record_new();
    f->record->id = sinter_job_store_new_id(f->store);
    f->record->domain_uuid = g_strdup("this");
    f->record->domain_name = g_strdup("this");
    f->record->plan = plan;
    g_mutex_init(&f->lock);
    g_cond_init(&f->cond);
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        remove_tree(below);
    }
    g_remove(path);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    remove_tree(f->host.dir);
    g_strfreev(f->host.chain);
    g_strfreev(f->host.snapshots);
    g_free(f->host.dir);
    g_free(f->jobs);
    sinter_job_store_free(f->store);
    sinter_job_record_free(f->record);
    g_clear_pointer(&f->last, sinter_job_record_free);
    g_mutex_clear(&f->host.lock);
    g_mutex_clear(&f->lock);
    g_cond_clear(&f->cond);
}

static void
on_published(const SinterJobRecord *record, const SinterJobProgress *progress, gboolean ended,
             gpointer user_data)
{
    Fixture *f = user_data;

    g_mutex_lock(&f->lock);
    g_clear_pointer(&f->last, sinter_job_record_free);
    f->last = sinter_job_record_copy(record);
    f->ended = ended;
    g_cond_signal(&f->cond);
    g_mutex_unlock(&f->lock);
}

static SinterLiveJob *
start_job(Fixture *f, SinterJobRecord *record)
{
    SinterLiveJobContext context = {
        .virt = &f->host.parent,
        .store = f->store,
        .patience_usec = 2000,
        .max_pause_usec = 5000,
        .poll_usec = 1000,
        .func = on_published,
        .user_data = f,
    };
    SinterLiveJob *job;

    g_mutex_lock(&f->host.lock); /* no call before the mailbox is known */
    job = sinter_live_job_start(&context, record);
    f->host.mailbox = sinter_live_job_get_mailbox(job);
    g_mutex_unlock(&f->host.lock);
    return job;
}

static void
wait_for_end(Fixture *f)
{
    g_mutex_lock(&f->lock);
    while (!f->ended)
        g_cond_wait(&f->cond, &f->lock);
    g_mutex_unlock(&f->lock);
}

static void
join_job(Fixture *f, SinterLiveJob *job)
{
    sinter_live_job_join(job);
    f->host.mailbox = NULL;
}

/* Runs a fresh job to its end. */
static SinterPhase
run_job(Fixture *f)
{
    SinterLiveJob *job = start_job(f, sinter_job_record_copy(f->record));

    sinter_mailbox_post(f->host.mailbox, SINTER_MESSAGE_ADMIT);
    wait_for_end(f);
    join_job(f, job);
    return f->last->phase;
}

static void
assert_merged(Fixture *f)
{
    g_assert_cmpint(f->last->phase, ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->last->warnings->len, ==, 0);
    g_assert_true(g_strv_equal((const char *const *)f->host.chain,
                               (const char *const *)f->record->plan->chain_after));
    g_assert_cmpuint(g_strv_length(f->host.snapshots), ==, 0);
    for (char **path = f->record->plan->remove_files; *path; path++)
        g_assert_false(g_file_test(*path, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(f->record->plan->base_path, G_FILE_TEST_EXISTS));
}

static void
assert_untouched(Fixture *f)
{
    g_assert_true(g_strv_equal((const char *const *)f->host.chain,
                               (const char *const *)f->record->plan->chain_before));
    g_assert_cmpuint(g_strv_length(f->host.snapshots), ==, 2);
    for (char **path = f->record->plan->chain_before; *path; path++)
        g_assert_true(g_file_test(*path, G_FILE_TEST_EXISTS));
}

/* --- the tests ------------------------------------------------------------------------------ */

static void
test_active_commit(Fixture *f, gconstpointer data)
{
    run_job(f);
    assert_merged(f);
}

static void
test_intermediate_commit(Fixture *f, gconstpointer data)
{
    f->record->plan->operation = SINTER_OPERATION_COMMIT;
    run_job(f);
    assert_merged(f);
}

/* QEMU is made to flush before the pulled files go; where it cannot be, they stay. */
static void
test_pull_is_flushed(Fixture *f, gconstpointer data)
{
    f->record->plan->operation = SINTER_OPERATION_PULL;
    run_job(f);
    assert_merged(f);
    g_assert_cmpuint(f->host.n_suspends, ==, 1);
    g_assert_cmpuint(f->host.n_resumes, ==, 1);
}

static void
test_pull_of_paused_keeps_files(Fixture *f, gconstpointer data)
{
    f->record->plan->operation = SINTER_OPERATION_PULL;
    f->host.state = VIR_DOMAIN_PAUSED;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->last->warnings->len, ==, 1);
    g_assert_cmpuint(f->host.n_suspends, ==, 0);
    for (char **path = f->record->plan->remove_files; *path; path++)
        g_assert_true(g_file_test(*path, G_FILE_TEST_EXISTS));
}

static void
test_failure_keeps_all(Fixture *f, gconstpointer data)
{
    f->host.outcome = SINTER_SEEN_FAILED;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    assert_untouched(f);
}

static void
test_strange_chain_is_not_touched(Fixture *f, gconstpointer data)
{
    g_free(f->host.chain[0]);
    f->host.chain[0] = make_file(f->host.dir, "foreign.qcow2");
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->last->error_code, ==, SINTER_ERROR_CHAIN_CHANGED);
    g_assert_true(g_file_test(f->record->plan->remove_files[0], G_FILE_TEST_EXISTS));
}

static void
test_used_files_stay(Fixture *f, gconstpointer data)
{
    f->host.shared = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->last->warnings->len, ==, 2);
    g_assert_nonnull(strstr(f->last->warnings->pdata[0], "domain 'other'"));
    for (char **path = f->record->plan->remove_files; *path; path++)
        g_assert_true(g_file_test(*path, G_FILE_TEST_EXISTS));
}

static void
test_refused_pivot_is_tried_again(Fixture *f, gconstpointer data)
{
    f->host.n_refused_pivots = 3;
    run_job(f);
    assert_merged(f);
}

static void
test_pivot_refused_for_ever(Fixture *f, gconstpointer data)
{
    f->host.n_refused_pivots = 1000;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_nonnull(strstr(f->last->error_message, "not ready"));
    assert_untouched(f);
    g_assert_cmpint(f->host.job, ==, SINTER_BLOCK_JOB_NONE);
}

static void
test_cancel_in_queue(Fixture *f, gconstpointer data)
{
    SinterLiveJob *job = start_job(f, sinter_job_record_copy(f->record));

    sinter_mailbox_post(f->host.mailbox, SINTER_MESSAGE_CANCEL);
    wait_for_end(f);
    join_job(f, job);
    g_assert_cmpint(f->last->phase, ==, SINTER_PHASE_CANCELLED);
    assert_untouched(f);
}

static void
test_cancel_while_copying(Fixture *f, gconstpointer data)
{
    SinterLiveJob *job;

    f->host.never_ready = TRUE;
    f->host.n_suspends = 0;
    job = start_job(f, sinter_job_record_copy(f->record));
    sinter_mailbox_post(f->host.mailbox, SINTER_MESSAGE_ADMIT);
    g_mutex_lock(&f->lock);
    while (!f->last || f->last->phase < SINTER_PHASE_COPYING)
        g_cond_wait(&f->cond, &f->lock);
    g_mutex_unlock(&f->lock);
    sinter_mailbox_post(f->host.mailbox, SINTER_MESSAGE_CANCEL);
    wait_for_end(f);
    join_job(f, job);
    g_assert_cmpint(f->last->phase, ==, SINTER_PHASE_CANCELLED);
    assert_untouched(f);
}

/* A guest that outruns the copy is slowed, held, let go; and all of it is undone at the end. */
static void
test_convergence_is_undone(Fixture *f, gconstpointer data)
{
    f->host.never_ready = TRUE;
    f->host.write_limit = 12345;
    run_job(f);
    g_assert_cmpint(f->last->phase, ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->host.write_limit, ==, 12345);
    g_assert_cmpuint(f->host.n_suspends, ==, 1);
    g_assert_cmpuint(f->host.n_resumes, >=, 1);
    g_assert_false(f->last->suspended);
    g_assert_false(f->last->throttled);
}

/* The daemon dies at one call, before or after its effect; a second daemon takes over. FALSE when
 * the job needs fewer calls than that. */
static gboolean
die_and_take_over(guint die_at, gboolean die_after)
{
    Fixture f = { 0 };
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GError) error = NULL;
    SinterLiveJob *job;
    gboolean died;

    set_up(&f, NULL);
    f.host.die_at = die_at;
    f.host.die_after = die_after;
    job = start_job(&f, sinter_job_record_copy(f.record));
    sinter_mailbox_post(f.host.mailbox, SINTER_MESSAGE_ADMIT);
    join_job(&f, job); /* ends by its end or by STOP */
    died = !f.ended;
    if (died) {
        f.host.connected = TRUE;
        f.host.die_at = 0;
        records = sinter_job_store_load(f.store, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(records->len, ==, 1);
        job = start_job(&f, sinter_job_record_copy(records->pdata[0]));
        sinter_mailbox_post(f.host.mailbox, SINTER_MESSAGE_ADMIT);
        wait_for_end(&f);
        join_job(&f, job);
    }
    g_assert_cmpint(f.last->phase, ==, SINTER_PHASE_DONE);
    g_assert_cmpint(f.host.job, ==, SINTER_BLOCK_JOB_NONE);
    g_assert_cmpstr(f.host.chain[0], ==, f.record->plan->base_path);
    tear_down(&f, NULL);
    return died;
}

static void
test_death_at_every_call(Fixture *f, gconstpointer data)
{
    for (int after = 0; after < 2; after++) {
        guint die_at = 1;

        while (die_and_take_over(die_at, after))
            die_at++;
        g_test_message("died %s each of %u calls", after ? "after" : "before", die_at - 1);
        g_assert_cmpuint(die_at, >, 6);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* warnings in the log are what many of these tests provoke */
    g_log_set_fatal_mask(NULL, G_LOG_FATAL_MASK);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
#define ADD(name, func) g_test_add("/live-job/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("active-commit", test_active_commit);
    ADD("intermediate-commit", test_intermediate_commit);
    ADD("pull-is-flushed", test_pull_is_flushed);
    ADD("pull-of-paused-keeps-files", test_pull_of_paused_keeps_files);
    ADD("failure-keeps-all", test_failure_keeps_all);
    ADD("strange-chain-is-not-touched", test_strange_chain_is_not_touched);
    ADD("used-files-stay", test_used_files_stay);
    ADD("refused-pivot-is-tried-again", test_refused_pivot_is_tried_again);
    ADD("pivot-refused-for-ever", test_pivot_refused_for_ever);
    ADD("cancel-in-queue", test_cancel_in_queue);
    ADD("cancel-while-copying", test_cancel_while_copying);
    ADD("convergence-is-undone", test_convergence_is_undone);
    ADD("death-at-every-call", test_death_at_every_call);
#undef ADD
    return g_test_run();
}
