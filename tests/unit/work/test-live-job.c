/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Live jobs against a played host: states that libvirt cannot be made to show on demand, and a
 * daemon that dies before or after every single call, then is started again. The files that are
 * removed are real ones.
 */

#include "played-job.h"
#include "sinter-file.h"
#include "sinter-io-limits.h"
#include "sinter-live-reconcile.h"

#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* --- a host that plays along ---------------------------------------------------------------- */

typedef struct {
    PlayedHost played;
    char *dir;    /* the job's folder */
    char **chain; /* live, active first */
    char **snapshots;
    SinterBlockJobType job;
    SinterMirror mirror;
    gboolean active;
    int state;
    gboolean exists;
    const SinterDiskPlan *plan;
    SinterSeenEvent outcome; /* how the block job is to end: COMPLETED, FAILED, CANCELED */
    gboolean started;        /* the block job was */
    gboolean shared;         /* another domain stands on the old chain */
    gboolean never_ready;
    guint n_refused_pivots; /* still to be refused */
    char **limits;
    gboolean slowed;         /* writes had a limit at any time */
    gboolean shared_later;   /* … from the start of the block job on */
    gboolean outruns_all;    /* not even a held guest lets the copy catch up */
    gboolean held;           /* the guest */
    guint n_partial;         /* looks after the start that do not get to the disks */
    guint n_ending;          /* looks after the end that still see the mirror, without its job */
    guint n_refused_aborts;  /* still to be refused */
    guint n_refused_resumes; /* likewise */
    gulong resume_usec;      /* how long another client keeps the domain busy then */
    guint n_ends;            /* calls of end */
    gboolean late_word;      /* the event of a failure comes after the job is seen to be gone */
    gboolean disk_full;      /* of the records, from the last look before the start on */
    gboolean swapped;        /* at the start another file takes the top's name */
    char *mirror_target;     /* what the mirror writes to, NULL where the XML does not tell */
    guint n_suspends;
    guint n_resumes;
    guint n_boots;      /* of the domain: tells its QEMU processes apart */
    char *guard;        /* in the definition: why libvirt refuses to start it; NULL for none */
    gboolean stays;     /* the definition does not follow the pivot, as libvirt would let it */
    gboolean crashes;   /* QEMU dies together with the daemon */
    gboolean moved;     /* … and had moved to the new image, which libvirt did not note */
    const char *denied; /* why QEMU may not write to the base */
    gboolean stuck;     /* a refused pivot: QEMU is gone */
    guint n_host_scans;
    guint n_domain_scans;
    guint n_redefined; /* snapshots */
    gint64 told_usec;  /* when the last event was told */
    gint64 since_usec; /* of the last scan of the domain */
} Host;

static void
post_status(Host *host, int status)
{
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_BLOCK_JOB);

    event->status = status;
    host->told_usec = event->arrived_usec;
    if (host->played.mailbox)
        sinter_mailbox_post_event(host->played.mailbox, event);
}

static void
post_kind(Host *host, SinterEventKind kind)
{
    g_autoptr(SinterEvent) event = sinter_event_new(kind);

    sinter_mailbox_post_event(host->played.mailbox, event);
}

/* Whether this is one of the calls that are to be refused. */
static gboolean
host_refuses(guint *n_left)
{
    if (*n_left == 0)
        return FALSE;
    (*n_left)--;
    return TRUE;
}

/* From now on this process can make files and remove them, but not write to them. */
static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = MIN(bytes, limit.rlim_max);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void
fill_disk(void)
{
    signal(SIGXFSZ, SIG_IGN);
    limit_files(0);
}

static void
swap_file(const char *path)
{
    g_autofree char *other = g_strconcat(path, ".other", NULL);

    g_assert_true(g_file_set_contents(other, "other", -1, NULL));
    g_assert_cmpint(g_rename(other, path), ==, 0);
}

static SinterDomain *
make_domain(Host *host, const char *uuid, char **chain)
{
    SinterDomain *domain = sinter_domain_new();
    SinterDisk *disk = sinter_disk_new();
    struct stat st;

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
        for (int k = 0; k < (host->stays ? 1 : 2); k++) {
            SinterLayer *layer = sinter_layer_new();

            layer->path = g_strdup(chain[i]);
            layer->description = g_strdup(chain[i]);
            layer->format = g_strdup("qcow2");
            layer->index = i + 1;
            layer->missing = stat(chain[i], &st) < 0;
            if (!layer->missing) {
                layer->device = st.st_dev;
                layer->inode = st.st_ino;
            }
            g_ptr_array_add(k ? disk->inactive_layers : disk->layers, layer);
        }
    }
    if (host->stays) {
        SinterLayer *layer = sinter_layer_new();

        layer->path = g_strdup(host->plan->chain_before[0]);
        layer->description = g_strdup(layer->path);
        g_ptr_array_add(disk->inactive_layers, layer);
    }
    if (host->mirror != SINTER_MIRROR_NONE && host->mirror_target) {
        SinterLayer *target = sinter_layer_new();

        target->path = g_strdup(host->mirror_target);
        disk->mirror_job = host->job;
        disk->mirror_layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
        g_ptr_array_add(disk->mirror_layers, target);
    }
    g_ptr_array_add(domain->disks, disk);
    return domain;
}

/* A domain of which libvirt told no more than its name. */
static SinterDomain *
make_partial_domain(const char *uuid)
{
    SinterDomain *domain = sinter_domain_new();

    domain->uuid = g_strdup(uuid);
    domain->name = g_strdup(uuid);
    domain->active = TRUE;
    domain->partial = TRUE;
    domain->problem = g_strdup("cannot acquire state change lock");
    return domain;
}

/* What libvirt shows while it ends a block job: the chain of before, and the rest of a mirror. */
static SinterDomain *
make_ending_domain(Host *host, const char *uuid)
{
    SinterDomain *domain = make_domain(host, uuid, host->plan->chain_before);
    SinterDisk *disk = g_ptr_array_index(domain->disks, 0);

    disk->mirror = SINTER_MIRROR_ENDING;
    return domain;
}

static SinterDomain *
host_scan_domain(SinterVirt *virt, const char *uuid, gint64 since_usec, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(SinterDomain) domain = NULL;

    if (!played_host_enter(virt, error))
        return NULL;
    host->n_domain_scans++;
    host->since_usec = since_usec;
    if (host->n_partial > 0 && host->started) {
        host->n_partial--;
        domain = make_partial_domain(uuid);
    } else if (host->n_ending > 0 && host->n_ends > 0) {
        host->n_ending--;
        domain = make_ending_domain(host, uuid);
    } else if (host->exists) {
        domain = make_domain(host, uuid, host->chain);
    }
    if (host->late_word && host->started) {
        host->late_word = FALSE;
        post_status(host, VIR_DOMAIN_BLOCK_JOB_FAILED);
    }
    if (!played_host_leave(virt, error))
        return NULL;
    if (!domain)
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no such domain");
    return g_steal_pointer(&domain);
}

static SinterHost *
host_scan_all(SinterVirt *virt, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(SinterHost) all = sinter_host_new();

    if (!played_host_enter(virt, error))
        return NULL;
    host->n_host_scans++;
    if (host->disk_full)
        fill_disk();
    g_ptr_array_add(all->domains, make_domain(host, "this", host->chain));
    if (host->shared)
        g_ptr_array_add(all->domains, make_domain(host, "other", host->plan->chain_before));
    return played_host_leave(virt, error) ? g_steal_pointer(&all) : NULL;
}

static gboolean
host_start(SinterVirt *virt, const SinterDomain *domain, const SinterDiskPlan *plan,
           guint64 bandwidth, GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    g_assert_cmpint(host->job, ==, SINTER_BLOCK_JOB_NONE);
    host->job = sinter_live_block_job(plan->operation);
    host->started = TRUE;
    host->shared |= host->shared_later;
    if (host->swapped)
        swap_file(plan->chain_before[0]);
    if (host->n_partial > 0)
        post_kind(host, SINTER_EVENT_CONNECTED);
    if (host->late_word) {
        host->job = SINTER_BLOCK_JOB_NONE;
    } else if (host->never_ready) {
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
    return played_host_leave(virt, error);
}

/* QEMU moves, and libvirt notes it. */
static void
move_over(Host *host)
{
    g_strfreev(host->chain);
    host->chain = g_strdupv(host->plan->chain_after);
    if (!host->stays)
        g_clear_pointer(&host->guard, g_free);
}

/* QEMU dies, and with it what it did. */
static void
end_qemu(Host *host)
{
    host->active = FALSE;
    host->job = SINTER_BLOCK_JOB_NONE;
    host->mirror = SINTER_MIRROR_NONE;
}

static gboolean
dies_in_this_call(const Host *host)
{
    return host->crashes && host->played.die_after && host->played.n_calls == host->played.die_at;
}

static gboolean
host_end(SinterVirt *virt, const char *uuid, const char *disk, gboolean pivot, GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    host->n_ends++;
    if (host_refuses(pivot ? &host->n_refused_pivots : &host->n_refused_aborts)) {
        if (host->stuck)
            end_qemu(host);
        return played_host_refuse(virt, "not ready", error);
    }
    g_assert_cmpint(host->job, !=, SINTER_BLOCK_JOB_NONE);
    host->job = SINTER_BLOCK_JOB_NONE;
    host->mirror = SINTER_MIRROR_NONE;
    if (pivot && dies_in_this_call(host))
        host->moved = TRUE;
    else if (pivot)
        move_over(host);
    post_status(host, pivot ? VIR_DOMAIN_BLOCK_JOB_COMPLETED : VIR_DOMAIN_BLOCK_JOB_CANCELED);
    return played_host_leave(virt, error);
}

static gboolean
host_get_info(SinterVirt *virt, const char *uuid, const char *disk, SinterBlockJobInfo *ret_info,
              GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    *ret_info = (SinterBlockJobInfo){ host->job, 500, 1000, 0 };
    if (host->n_suspends > 0 && !host->outruns_all && host->mirror == SINTER_MIRROR_COPYING) {
        host->mirror = SINTER_MIRROR_READY; /* a held guest lets the copy catch up */
        post_status(host, VIR_DOMAIN_BLOCK_JOB_READY);
    }
    return played_host_leave(virt, error);
}

static gboolean
host_set_bandwidth(SinterVirt *virt, const char *uuid, const char *disk, guint64 bytes,
                   GError **error)
{
    return played_host_enter(virt, error) && played_host_leave(virt, error);
}

static char **
host_get_io_limits(SinterVirt *virt, const char *uuid, const char *disk, GError **error)
{
    if (!played_host_enter(virt, error))
        return NULL;
    return played_host_leave(virt, error) ? g_strdupv(((Host *)virt)->limits) : NULL;
}

/* As libvirt does: what is not named is cleared, a total stands alone. */
static gboolean
host_set_io_limits(SinterVirt *virt, const char *uuid, const char *disk, char *const *limits,
                   GError **error)
{
    Host *host = (Host *)virt;
    guint64 writes = sinter_io_limits_get(limits, "write_bytes_sec");

    if (!played_host_enter(virt, error))
        return FALSE;
    g_assert_true(sinter_io_limits_get(limits, "total_bytes_sec") == 0 ||
                  (sinter_io_limits_get(limits, "read_bytes_sec") == 0 && writes == 0));
    g_strfreev(host->limits);
    host->limits = g_strdupv((char **)limits);
    host->slowed |= writes > 0;
    return played_host_leave(virt, error);
}

static gboolean
host_suspend(SinterVirt *virt, const char *uuid, GError **error)
{
    if (!played_host_enter(virt, error))
        return FALSE;
    ((Host *)virt)->n_suspends++;
    ((Host *)virt)->held = TRUE;
    return played_host_leave(virt, error);
}

static gboolean
host_resume(SinterVirt *virt, const char *uuid, GError **error)
{
    if (!played_host_enter(virt, error))
        return FALSE;
    if (host_refuses(&((Host *)virt)->n_refused_resumes)) {
        return played_host_refuse(virt, "busy", error);
    }
    g_usleep(((Host *)virt)->resume_usec);
    ((Host *)virt)->n_resumes++;
    ((Host *)virt)->held = FALSE;
    return played_host_leave(virt, error);
}

static gboolean
host_drop_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(GStrvBuilder) left = g_strv_builder_new();

    if (!played_host_enter(virt, error))
        return FALSE;
    for (char **name = host->snapshots; *name; name++) {
        if (strcmp(*name, snapshot) != 0)
            g_strv_builder_add(left, *name);
    }
    g_strfreev(host->snapshots);
    host->snapshots = g_strv_builder_end(left);
    return played_host_leave(virt, error);
}

static gboolean
host_redefine_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot, const char *disk,
                       const char *new_path, const char *new_format, GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    g_assert_cmpstr(new_path, ==, host->plan->base_path);
    g_assert_cmpstr(new_format, ==, host->plan->base_format);
    host->n_redefined++;
    return played_host_leave(virt, error);
}

static gboolean
host_guard_disk(SinterVirt *virt, const char *uuid, const char *disk, const char *reason,
                GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    if (!host->guard)
        host->guard = g_strdup(reason);
    return played_host_leave(virt, error);
}

static gboolean
host_unguard_disk(SinterVirt *virt, const char *uuid, const char *disk, const char *path,
                  const char *format, GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    if (host->guard && path) {
        g_assert_cmpstr(path, ==, host->plan->chain_after[0]);
        g_assert_cmpstr(format, ==, "qcow2");
        host->stays = FALSE;
    }
    g_clear_pointer(&host->guard, g_free);
    return played_host_leave(virt, error);
}

static char *
host_identify(SinterVirt *virt, const char *uuid, GError **error)
{
    g_autofree char *identity = NULL;

    if (!played_host_enter(virt, error))
        return NULL;
    identity = g_strdup_printf("boot %u", ((Host *)virt)->n_boots);
    return played_host_leave(virt, error) ? g_steal_pointer(&identity) : NULL;
}

static char *
host_explain_denial(SinterVirt *virt, const char *uuid, const char *image, gint64 since_usec)
{
    const Host *host = (const Host *)virt;

    g_assert_cmpint(since_usec, >, 0);
    return g_str_equal(image, host->plan->base_path) ? g_strdup(host->denied) : NULL;
}

static const SinterVirtClass host_class = {
    .scan_domain = host_scan_domain,
    .scan_all = host_scan_all,
    .start = host_start,
    .end = host_end,
    .get_info = host_get_info,
    .set_bandwidth = host_set_bandwidth,
    .get_io_limits = host_get_io_limits,
    .set_io_limits = host_set_io_limits,
    .suspend = host_suspend,
    .resume = host_resume,
    .drop_snapshot = host_drop_snapshot,
    .redefine_snapshot = host_redefine_snapshot,
    .guard_disk = host_guard_disk,
    .unguard_disk = host_unguard_disk,
    .identify = host_identify,
    .explain_denial = host_explain_denial,
    .sync_definition = played_host_sync_definition,
    .sync_snapshots = played_host_sync_snapshots,
    .refresh_pool = played_host_refresh_pool,
};

/* --- the fixture: three layers that become one ----------------------------------------------- */

typedef struct {
    Host host;
    PlayedJob job;
    guint64 max_pause_usec;
} Fixture;

static char *
make_file(const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, name, -1, NULL));
    return path;
}

static char **
make_limits(guint total, guint writes)
{
    g_autofree char *text =
        g_strdup_printf("total_bytes_sec=%u read_bytes_sec=0 write_bytes_sec=%u "
                        "total_bytes_sec_max=%u read_bytes_sec_max=0 write_bytes_sec_max=%u",
                        total, writes, 2 * total, 2 * writes);

    return g_strsplit(text, " ", -1);
}

static void
set_limits(Fixture *f, guint total, guint writes)
{
    g_strfreev(f->host.limits);
    f->host.limits = make_limits(total, writes);
}

static void
assert_limits(const Fixture *f, guint total, guint writes)
{
    g_auto(GStrv) expected = make_limits(total, writes);

    g_assert_cmpstrv(f->host.limits, expected);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    const char *snapshots[] = { "s1", "s2", NULL };
    const char *merged[] = { "top.qcow2", "mid.qcow2", NULL };
    g_autoptr(GStrvBuilder) before = g_strv_builder_new();
    g_autoptr(GStrvBuilder) remove = g_strv_builder_new();
    SinterDiskPlan *plan = sinter_disk_plan_new("vda");

    played_host_init(&f->host.played, &host_class);
    played_job_init(&f->job, &f->host.played);
    f->max_pause_usec = 5000;
    f->host.dir = f->job.folder;
    f->host.exists = f->host.active = TRUE;
    f->host.state = VIR_DOMAIN_RUNNING;
    f->host.outcome = SINTER_SEEN_COMPLETED;
    f->host.snapshots = g_strdupv((char **)snapshots);
    f->host.limits = make_limits(0, 0);
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
    f->job.record->plan = plan;
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_strfreev(f->host.chain);
    g_strfreev(f->host.snapshots);
    g_free(f->host.mirror_target);
    g_free(f->host.guard);
    g_strfreev(f->host.limits);
    played_job_clear(&f->job);
    played_host_clear(&f->host.played);
}

/* @record: (transfer full) */
static SinterJobRun *
start_job(Fixture *f, SinterJobRecord *record)
{
    const SinterJobContext context = { .patience_usec = 2000, .max_pause_usec = f->max_pause_usec };

    return played_job_start(&f->job, &context, record);
}

/* One that does not stay in the queue. */
static SinterJobRun *
start_admitted_job(Fixture *f, SinterJobRecord *record)
{
    SinterJobRun *job = start_job(f, record);

    played_job_admit(&f->job);
    return job;
}

static SinterJobRun *
start_fresh_job(Fixture *f)
{
    return start_admitted_job(f, sinter_job_record_copy(f->job.record));
}

static SinterPhase
run_job(Fixture *f)
{
    return played_job_end(&f->job, start_fresh_job(f));
}

static void
assert_merged(Fixture *f)
{
    g_assert_cmpint(f->job.last->phase, ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 0);
    g_assert_true(g_strv_equal((const char *const *)f->host.chain,
                               (const char *const *)f->job.record->plan->chain_after));
    g_assert_cmpuint(g_strv_length(f->host.snapshots), ==, 0);
    for (char **path = f->job.record->plan->remove_files; *path; path++)
        g_assert_false(g_file_test(*path, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(f->job.record->plan->base_path, G_FILE_TEST_EXISTS));
    g_assert_null(f->host.guard);
}

/* As above, for a guest that had to be slowed. */
static void
assert_done_with_warnings(Fixture *f)
{
    g_assert_cmpuint(f->job.last->warnings->len, >, 0);
    g_ptr_array_set_size(f->job.last->warnings, 0);
    assert_merged(f);
}

static void
assert_untouched(Fixture *f)
{
    g_assert_true(g_strv_equal((const char *const *)f->host.chain,
                               (const char *const *)f->job.record->plan->chain_before));
    g_assert_cmpuint(g_strv_length(f->host.snapshots), ==, 2);
    for (char **path = f->job.record->plan->chain_before; *path; path++)
        g_assert_true(g_file_test(*path, G_FILE_TEST_EXISTS));
    g_assert_null(f->host.guard);
}

/* --- the tests ------------------------------------------------------------------------------ */

static void
test_active_commit(Fixture *f, gconstpointer data)
{
    run_job(f);
    assert_merged(f);
}

/* The host before the start and before the removal, the domain once: as it is since the event. */
static void
test_few_scans(Fixture *f, gconstpointer data)
{
    run_job(f);
    assert_merged(f);
    g_assert_cmpuint(f->host.n_host_scans, ==, 2);
    g_assert_cmpuint(f->host.n_domain_scans, ==, 1);
    g_assert_cmpint(f->host.since_usec, ==, f->host.told_usec);
}

/* After a crash of the host the old definition might be back, and name the merged files. */
static void
test_unsynced_definition_keeps_files(Fixture *f, gconstpointer data)
{
    f->host.played.sync_fails = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 1);
    g_assert_cmpstr(f->job.last->warnings->pdata[0], ==, "the merged files are kept: no sync");
    for (char **path = f->job.record->plan->remove_files; *path; path++)
        g_assert_true(g_file_test(*path, G_FILE_TEST_EXISTS));
}

/* … and so might the snapshots that were deleted or redefined. */
static void
test_unsynced_snapshots_keep_files(Fixture *f, gconstpointer data)
{
    f->host.played.snapshot_sync_fails = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(g_strv_length(f->host.snapshots), ==, 0);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 1);
    g_assert_cmpstr(f->job.last->warnings->pdata[0], ==,
                    "the merged files are kept: no sync of snapshots");
    for (char **path = f->job.record->plan->remove_files; *path; path++)
        g_assert_true(g_file_test(*path, G_FILE_TEST_EXISTS));
}

/* With the format of the overlay the guest's data would be read as an image. */
static void
test_redefined_to_a_raw_base(Fixture *f, gconstpointer data)
{
    f->job.record->plan->base_format = g_strdup("raw");
    g_strfreev(f->job.record->plan->redefine_snapshots);
    f->job.record->plan->redefine_snapshots = g_strdupv((char *[]){ (char *)"s9", NULL });
    run_job(f);
    assert_merged(f);
    g_assert_cmpuint(f->host.n_redefined, ==, 1);
}

/* An event that was heard earlier says nothing about the present. */
static void
test_scan_after_refusal_is_new(Fixture *f, gconstpointer data)
{
    f->host.n_refused_pivots = 1;
    f->host.stuck = TRUE;
    run_job(f);
    g_assert_cmpint(f->host.told_usec, >, 0);
    g_assert_cmpint(f->host.since_usec, >, f->host.told_usec);
}

static void
test_intermediate_commit(Fixture *f, gconstpointer data)
{
    SinterDiskPlan *plan = f->job.record->plan;
    g_autofree char *active = make_file(f->host.dir, "active.qcow2");
    char *before[] = { active, plan->chain_before[0], plan->chain_before[1], plan->base_path,
                       NULL };
    char *after[] = { active, plan->base_path, NULL };
    g_auto(GStrv) old_before = plan->chain_before;
    g_auto(GStrv) old_after = plan->chain_after;

    plan->operation = SINTER_OPERATION_COMMIT;
    plan->chain_before = g_strdupv(before);
    plan->chain_after = g_strdupv(after);
    g_strfreev(f->host.chain);
    f->host.chain = g_strdupv(before);
    run_job(f);
    assert_merged(f);
}

/* Of the layer in the middle, into the top. */
static void
make_pull(Fixture *f)
{
    SinterDiskPlan *plan = f->job.record->plan;
    char *after[] = { plan->chain_before[0], plan->base_path, NULL };
    char *merged[] = { plan->chain_before[1], NULL };

    plan->operation = SINTER_OPERATION_PULL;
    g_strfreev(plan->chain_after);
    g_strfreev(plan->remove_files);
    plan->chain_after = g_strdupv(after);
    plan->remove_files = g_strdupv(merged);
}

/* QEMU is made to flush before the pulled files go; where it cannot be, they stay. */
static void
test_pull_is_flushed(Fixture *f, gconstpointer data)
{
    make_pull(f);
    run_job(f);
    assert_merged(f);
    g_assert_cmpuint(f->host.n_suspends, ==, 1);
    g_assert_cmpuint(f->host.n_resumes, ==, 1);
}

static void
test_pull_of_paused_keeps_files(Fixture *f, gconstpointer data)
{
    make_pull(f);
    f->host.state = VIR_DOMAIN_PAUSED;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 1);
    g_assert_cmpuint(f->host.n_suspends, ==, 0);
    for (char **path = f->job.record->plan->remove_files; *path; path++)
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
test_denied_is_explained(Fixture *f, gconstpointer data)
{
    f->host.outcome = SINTER_SEEN_FAILED;
    f->host.denied = "its mode is 0444: chmod u+w it";
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_DENIED);
    g_assert_nonnull(strstr(f->job.last->error_message, "its mode is 0444: chmod u+w it; the chain "
                                                        "is unchanged (the block job failed"));
    assert_untouched(f);
}

static void
test_strange_chain_is_not_touched(Fixture *f, gconstpointer data)
{
    g_free(f->host.chain[0]);
    f->host.chain[0] = make_file(f->host.dir, "foreign.qcow2");
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_CHAIN_CHANGED);
    g_assert_true(g_file_test(f->job.record->plan->remove_files[0], G_FILE_TEST_EXISTS));
}

static void
test_used_files_stay(Fixture *f, gconstpointer data)
{
    f->host.shared_later = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 2);
    g_assert_nonnull(strstr(f->job.last->warnings->pdata[0], "domain 'other'"));
    for (char **path = f->job.record->plan->remove_files; *path; path++)
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
    f->host.n_refused_aborts = 2;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_nonnull(strstr(f->job.last->error_message, "not ready"));
    assert_untouched(f);
    g_assert_cmpint(f->host.job, ==, SINTER_BLOCK_JOB_NONE);
}

static void
test_cancel_in_queue(Fixture *f, gconstpointer data)
{
    SinterJobRun *job = start_job(f, sinter_job_record_copy(f->job.record));

    sinter_mailbox_post(f->host.played.mailbox, SINTER_MESSAGE_CANCEL);
    g_assert_cmpint(played_job_end(&f->job, job), ==, SINTER_PHASE_CANCELLED);
    assert_untouched(f);
}

static gboolean
is_copying(const SinterJobRecord *last)
{
    return last->phase >= SINTER_PHASE_COPYING;
}

static void
test_cancel_while_copying(Fixture *f, gconstpointer data)
{
    SinterJobRun *job;

    f->host.never_ready = TRUE;
    f->host.n_refused_aborts = 3;
    job = start_fresh_job(f);
    played_job_await(&f->job, is_copying);
    sinter_mailbox_post(f->host.played.mailbox, SINTER_MESSAGE_CANCEL);
    g_assert_cmpint(played_job_end(&f->job, job), ==, SINTER_PHASE_CANCELLED);
    g_assert_cmpuint(f->host.n_ends, ==, 4);
    assert_untouched(f);
}

/* Since the plan was made somebody has come to stand on the base: libvirt would ruin it. */
static void
test_shared_since_the_plan(Fixture *f, gconstpointer data)
{
    f->host.shared = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_SHARED_BASE);
    g_assert_nonnull(strstr(f->job.last->error_message, "domain 'other'"));
    g_assert_false(f->host.started);
    assert_untouched(f);
}

/* What libvirt does not tell just now is not gone. */
static void
test_partial_look_is_no_verdict(Fixture *f, gconstpointer data)
{
    f->host.never_ready = TRUE;
    f->host.n_partial = 3;
    run_job(f);
    assert_done_with_warnings(f);
    g_assert_cmpuint(f->host.n_partial, ==, 0);
}

/* What libvirt shows in the middle of a pivot is neither the old state nor the new one. */
static void
test_look_during_the_end_is_no_verdict(Fixture *f, gconstpointer data)
{
    f->host.n_ending = 2;
    run_job(f);
    g_assert_cmpuint(f->host.n_ending, ==, 0);
    g_assert_cmpint(f->job.last->phase, ==, SINTER_PHASE_DONE);
}

/* Somebody ended our mirror and began one of the same kind to another base. */
static void
test_mirror_to_another_image(Fixture *f, gconstpointer data)
{
    f->host.never_ready = TRUE;
    f->host.mirror_target = g_strdup(f->job.record->plan->chain_before[1]);
    f->job.record->phase = SINTER_PHASE_COPYING;
    f->host.job = SINTER_BLOCK_JOB_ACTIVE_COMMIT;
    f->host.mirror = SINTER_MIRROR_READY;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_QUARANTINED);
    g_assert_cmpuint(f->host.n_ends, ==, 0);
    assert_untouched(f);
}

static void
test_late_word_is_waited_for(Fixture *f, gconstpointer data)
{
    f->host.late_word = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_nonnull(strstr(f->job.last->error_message, "the block job failed"));
    assert_untouched(f);
}

/* A job that was told to have failed is not found again, and begun, by the next daemon. */
static void
test_end_that_cannot_be_written(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) records = NULL;

    f->host.disk_full = TRUE;
    run_job(f);
    limit_files(RLIM_INFINITY);
    g_assert_cmpint(f->job.last->phase, ==, SINTER_PHASE_FAILED);
    g_assert_nonnull(strstr(f->job.last->error_message, g_strerror(EFBIG)));
    g_assert_false(f->host.started);
    assert_untouched(f);
    records = played_job_load(&f->job);
    g_assert_cmpuint(records->len, ==, 0);
}

static void
test_file_of_the_same_name_stays(Fixture *f, gconstpointer data)
{
    f->host.swapped = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 1);
    g_assert_nonnull(strstr(f->job.last->warnings->pdata[0], "it was replaced by another file"));
    g_assert_true(g_file_test(f->job.record->plan->remove_files[0], G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(f->job.record->plan->remove_files[1], G_FILE_TEST_EXISTS));
}

/* As QEMU marks an image that it has open for reading. */
static void
test_locked_file_stays(Fixture *f, gconstpointer data)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 201, .l_len = 1 };
    g_auto(SinterFd) fd = open(f->job.record->plan->remove_files[0], O_RDONLY | O_CLOEXEC);

    g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 1);
    g_assert_true(g_file_test(f->job.record->plan->remove_files[0], G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(f->job.record->plan->remove_files[1], G_FILE_TEST_EXISTS));
}

static gboolean
holds_the_guest(const SinterJobRecord *last)
{
    return last->suspended;
}

/* The daemon ends, the block job goes on: the guest is not left held or slowed. */
static void
test_stop_lets_the_guest_go(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterJobRecord) left = NULL;
    SinterJobRun *job;

    f->host.never_ready = f->host.outruns_all = TRUE;
    set_limits(f, 0, 4321);
    f->max_pause_usec = 3600 * (guint64)G_USEC_PER_SEC;
    job = start_fresh_job(f);
    played_job_await(&f->job, holds_the_guest);
    sinter_mailbox_post(f->host.played.mailbox, SINTER_MESSAGE_STOP);
    played_job_join(&f->job, job);
    g_assert_false(f->job.ended);
    g_assert_false(f->host.held);
    assert_limits(f, 0, 4321);
    left = played_job_load_only(&f->job);
    g_assert_false(left->suspended);
    g_assert_false(left->throttled);
}

/* A libvirt that does not answer does not keep the daemon from ending. */
static void
test_hung_call_is_left_behind(Fixture *f, gconstpointer data)
{
    SinterJobRun *job;

    f->host.played.hangs = TRUE;
    job = start_fresh_job(f);
    sinter_mailbox_post(f->host.played.mailbox, SINTER_MESSAGE_STOP);
    g_assert_false(sinter_job_run_join_until(job, g_get_monotonic_time() + 50000));
    g_mutex_lock(&f->host.played.lock);
    f->host.played.hangs = FALSE;
    g_cond_signal(&f->host.played.go_on);
    g_mutex_unlock(&f->host.played.lock);
    played_job_join(&f->job, job);
    g_assert_false(f->job.ended);
}

/* A job of another version of the daemon: nobody here knows what it has begun, so nothing is done.
 */
static void
check_unknown_kind(Fixture *f, SinterPhase phase)
{
    SinterJobRecord *record = sinter_job_record_copy(f->job.record);
    g_autoptr(SinterJobRecord) left = NULL;

    record->kind = g_strdup("of-a-later-version");
    record->phase = phase;
    g_assert_cmpint(played_job_end(&f->job, start_job(f, record)), ==, SINTER_PHASE_QUARANTINED);
    g_assert_nonnull(strstr(f->job.last->error_message, "'of-a-later-version'"));
    g_assert_cmpuint(f->host.played.n_calls, ==, 0);
    left = played_job_load_only(&f->job);
    g_assert_cmpint(left->phase, ==, SINTER_PHASE_QUARANTINED);
    g_assert_cmpstr(left->kind, ==, "of-a-later-version");
}

static void
test_unknown_kind(Fixture *f, gconstpointer data)
{
    check_unknown_kind(f, SINTER_PHASE_QUEUED);
    check_unknown_kind(f, SINTER_PHASE_COPYING);
    check_unknown_kind(f, SINTER_PHASE_CLEANING);
}

/* A guest that outruns the copy is slowed, held, let go; and all of it is undone at the end. */
static void
test_convergence_is_undone(Fixture *f, gconstpointer data)
{
    f->host.never_ready = TRUE;
    set_limits(f, 12345, 0);
    f->host.n_refused_resumes = 3;
    run_job(f);
    g_assert_cmpint(f->job.last->phase, ==, SINTER_PHASE_DONE);
    assert_limits(f, 12345, 0);
    g_assert_true(f->host.slowed);
    g_assert_false(f->host.held);
    g_assert_cmpuint(f->host.n_suspends, ==, 1);
    g_assert_cmpuint(f->host.n_resumes, >=, 1);
    g_assert_false(f->job.last->suspended);
    g_assert_cmpuint(f->job.last->n_holds, ==, 1);
    g_assert_cmpuint(f->job.last->longest_hold_usec, >, 0);
    g_assert_cmpuint(f->job.last->total_hold_usec, ==, f->job.last->longest_hold_usec);
    g_assert_false(f->job.last->throttled);
}

/* A client that keeps the domain busy makes a hold longer than it may be: that is told. */
static void
test_hold_that_is_held_up(Fixture *f, gconstpointer data)
{
    f->host.never_ready = TRUE;
    f->host.resume_usec = 400 * 1000;
    run_job(f);
    g_assert_cmpint(f->job.last->phase, ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->longest_hold_usec, >=, 400 * 1000);
    for (guint i = 0; i < f->job.last->warnings->len; i++) {
        if (strstr(f->job.last->warnings->pdata[i], " ms instead of at most 5 ms"))
            return;
    }
    g_assert_not_reached();
}

/* The daemon dies at one call, before or after its effect; a second daemon takes over. FALSE when
 * the job needs fewer calls than that. */
static gboolean
die_and_take_over(guint die_at, gboolean die_after)
{
    Fixture f = { 0 };
    gboolean died;

    set_up(&f, NULL);
    f.host.played.die_at = die_at;
    f.host.played.die_after = die_after;
    played_job_join(&f.job, start_fresh_job(&f)); /* ends by its end or by STOP */
    died = !f.job.ended;
    if (died) {
        played_host_revive(&f.host.played);
        played_job_end(&f.job, start_admitted_job(&f, played_job_load_only(&f.job)));
    }
    g_assert_cmpint(f.job.last->phase, ==, SINTER_PHASE_DONE);
    g_assert_cmpint(f.host.job, ==, SINTER_BLOCK_JOB_NONE);
    g_assert_cmpstr(f.host.chain[0], ==, f.job.record->plan->base_path);
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

/* libvirt leaves the definition as it is: the job lets it follow. */
static void
test_definition_follows(Fixture *f, gconstpointer data)
{
    f->host.stays = TRUE;
    run_job(f);
    assert_merged(f);
    g_assert_false(f->host.stays);
}

/* An error of the pivot proves nothing about a QEMU that died of it. */
static void
test_refused_by_a_dying_qemu(Fixture *f, gconstpointer data)
{
    f->host.n_refused_pivots = 1;
    f->host.stuck = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_QUARANTINED);
    g_assert_nonnull(strstr(f->job.last->error_message, f->job.record->plan->chain_before[0]));
    g_assert_nonnull(strstr(f->job.last->error_message, f->job.record->plan->base_path));
    g_assert_cmpuint(f->job.last->warnings->len, ==, 2);
    g_assert_nonnull(strstr(f->host.guard, "job"));
}

/* What happened to the domain after a crash of the host. */
typedef struct {
    guint n_moved;   /* QEMU had moved, and only it knew */
    guint n_refused; /* libvirt did not start the domain */
    guint n_done;
} Crashes;

/* As by autostart, once the host is up again. */
static void
start_domain(Host *host, Crashes *crashes)
{
    if (host->guard) {
        crashes->n_refused++;
        return;
    }
    host->active = TRUE;
    host->n_boots++;
    host->started = FALSE;
}

static void
check_after_crash(const Fixture *f, Crashes *crashes)
{
    const Host *host = &f->host;
    SinterPhase phase = f->job.last->phase;
    gboolean old = g_str_equal(host->chain[0], host->plan->chain_before[0]);

    g_assert_true(phase == SINTER_PHASE_QUARANTINED || !host->guard);
    g_assert_true((phase == SINTER_PHASE_DONE) == !old);
    crashes->n_moved += host->moved;
    crashes->n_done += phase == SINTER_PHASE_DONE;
    if (!host->moved)
        return;
    g_assert_cmpint(phase, ==, SINTER_PHASE_QUARANTINED);
    g_assert_nonnull(host->guard);
    g_assert_false(host->active);
}

/* The host crashes at one call, and the domain is started again or not before the daemon is. FALSE
 * when the job needs fewer calls than that. */
static gboolean
crash_and_take_over(guint die_at, gboolean die_after, gboolean restart, Crashes *crashes)
{
    Fixture f = { 0 };
    gboolean died;

    set_up(&f, NULL);
    f.host.crashes = TRUE;
    f.host.played.die_at = die_at;
    f.host.played.die_after = die_after;
    played_job_join(&f.job, start_fresh_job(&f));
    died = !f.job.ended;
    if (died) {
        end_qemu(&f.host);
        if (restart)
            start_domain(&f.host, crashes);
        played_host_revive(&f.host.played);
        played_job_end(&f.job, start_admitted_job(&f, played_job_load_only(&f.job)));
        check_after_crash(&f, crashes);
    }
    tear_down(&f, NULL);
    return died;
}

static void
test_crash_at_every_call(Fixture *f, gconstpointer data)
{
    for (int how = 0; how < 4; how++) {
        gboolean after = how & 1;
        gboolean restart = how >> 1;
        Crashes crashes = { 0 };
        guint die_at = 1;

        while (crash_and_take_over(die_at, after, restart, &crashes))
            die_at++;
        g_test_message("crashed %s each of %u calls, %s: %u moved unseen, %u not started, %u done",
                       after ? "after" : "before", die_at - 1,
                       restart ? "started again" : "shut off", crashes.n_moved, crashes.n_refused,
                       crashes.n_done);
        g_assert_cmpuint(crashes.n_moved, ==, after ? 1 : 0);
        g_assert_cmpuint(crashes.n_refused, ==, restart ? (after ? 2 : 1) : 0);
        g_assert_cmpuint(crashes.n_done, >, 0);
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
    ADD("few-scans", test_few_scans);
    ADD("unsynced-definition-keeps-files", test_unsynced_definition_keeps_files);
    ADD("unsynced-snapshots-keep-files", test_unsynced_snapshots_keep_files);
    ADD("redefined-to-a-raw-base", test_redefined_to_a_raw_base);
    ADD("scan-after-refusal-is-new", test_scan_after_refusal_is_new);
    ADD("intermediate-commit", test_intermediate_commit);
    ADD("pull-is-flushed", test_pull_is_flushed);
    ADD("pull-of-paused-keeps-files", test_pull_of_paused_keeps_files);
    ADD("failure-keeps-all", test_failure_keeps_all);
    ADD("denied-is-explained", test_denied_is_explained);
    ADD("strange-chain-is-not-touched", test_strange_chain_is_not_touched);
    ADD("used-files-stay", test_used_files_stay);
    ADD("refused-pivot-is-tried-again", test_refused_pivot_is_tried_again);
    ADD("pivot-refused-for-ever", test_pivot_refused_for_ever);
    ADD("cancel-in-queue", test_cancel_in_queue);
    ADD("cancel-while-copying", test_cancel_while_copying);
    ADD("shared-since-the-plan", test_shared_since_the_plan);
    ADD("partial-look-is-no-verdict", test_partial_look_is_no_verdict);
    ADD("look-during-the-end-is-no-verdict", test_look_during_the_end_is_no_verdict);
    ADD("mirror-to-another-image", test_mirror_to_another_image);
    ADD("late-word-is-waited-for", test_late_word_is_waited_for);
    ADD("end-that-cannot-be-written", test_end_that_cannot_be_written);
    ADD("file-of-the-same-name-stays", test_file_of_the_same_name_stays);
    ADD("locked-file-stays", test_locked_file_stays);
    ADD("stop-lets-the-guest-go", test_stop_lets_the_guest_go);
    ADD("hung-call-is-left-behind", test_hung_call_is_left_behind);
    ADD("unknown-kind", test_unknown_kind);
    ADD("convergence-is-undone", test_convergence_is_undone);
    ADD("hold-that-is-held-up", test_hold_that_is_held_up);
    ADD("death-at-every-call", test_death_at_every_call);
    ADD("definition-follows", test_definition_follows);
    ADD("refused-by-a-dying-qemu", test_refused_by_a_dying_qemu);
    ADD("crash-at-every-call", test_crash_at_every_call);
#undef ADD
    return g_test_run();
}
