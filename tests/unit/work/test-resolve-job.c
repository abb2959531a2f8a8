/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Jobs that are in doubt, with real images and the real sinter-worker, on a played libvirt: what
 * differs is found, a choice changes the definition and no image, and whatever stands in the way
 * leaves the job as it was.
 */

#include "played-job.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sinter/create.h>
#include <sinter/handle.h>
#include <sinter/lock.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK_BYTES (4 * 1024 * 1024)

/* --- a libvirt that plays along ------------------------------------------------------------- */

typedef struct {
    PlayedHost played;
    char *old; /* an overlay of … */
    char *new;
    gboolean gone;
    gboolean active;
    gboolean guarded;
    gboolean on_new; /* the definition names the new image */
} Host;

static void
add_layer(GPtrArray *layers, const char *path)
{
    SinterLayer *layer = sinter_layer_new();
    struct stat st;

    g_assert_cmpint(stat(path, &st), ==, 0);
    layer->type = SINTER_SOURCE_FILE;
    layer->path = g_strdup(path);
    layer->description = g_strdup(path);
    layer->format = g_strdup("qcow2");
    layer->device = st.st_dev;
    layer->inode = st.st_ino;
    g_ptr_array_add(layers, layer);
}

static SinterDomain *
host_scan_domain(SinterVirt *virt, const char *uuid, gint64 since_usec, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(SinterDomain) domain = sinter_domain_new();
    SinterDisk *disk = sinter_disk_new();

    g_ptr_array_add(domain->disks, disk);
    if (!played_host_enter(virt, error))
        return NULL;
    if (host->gone) {
        g_mutex_unlock(&host->played.lock);
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "no domain");
        return NULL;
    }
    domain->uuid = g_strdup(uuid);
    domain->name = g_strdup(uuid);
    domain->active = host->active;
    domain->persistent = TRUE;
    disk->target = g_strdup("vda");
    if (!host->on_new)
        add_layer(disk->layers, host->old);
    add_layer(disk->layers, host->new);
    return played_host_leave(virt, error) ? g_steal_pointer(&domain) : NULL;
}

static gboolean
move(Host *host, const char *path, const char *format)
{
    if (!path)
        return TRUE;
    g_assert_cmpstr(path, ==, host->new);
    g_assert_cmpstr(format, ==, "qcow2");
    host->on_new = TRUE;
    return TRUE;
}

static gboolean
host_unguard_disk(SinterVirt *virt, const char *uuid, const char *disk, const char *path,
                  const char *format, GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    if (host->guarded)
        move(host, path, format);
    host->guarded = FALSE;
    return played_host_leave(virt, error);
}

static gboolean
host_redefine_disk(SinterVirt *virt, const char *uuid, const char *disk, const char *path,
                   const char *format, GError **error)
{
    return played_host_enter(virt, error) && move((Host *)virt, path, format) &&
           played_host_leave(virt, error);
}

static const SinterVirtClass host_class = {
    .scan_domain = host_scan_domain,
    .unguard_disk = host_unguard_disk,
    .redefine_disk = host_redefine_disk,
    .sync_definition = played_host_sync_definition,
    .sync_snapshots = played_host_sync_snapshots,
};

/* --- an overlay, its base, and a job that does not know which is current --------------------- */

typedef struct {
    Host host;
    PlayedJob job;
} Fixture;

static void
write_at(const char *path, guint64 offset, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *data = g_malloc(length);
    SinterHandle *handle = sinter_handle_open(NULL, path, "qcow2", SINTER_HANDLE_DEFAULT, &error);

    g_assert_no_error(error);
    memset(data, 0x77, length);
    g_assert_true(sinter_handle_write_at(handle, offset, data, length, &error));
    g_assert_true(sinter_handle_close(handle, &error));
}

static void
make_image(const char *path, const char *below)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .virtual_size = DISK_BYTES,
                                          .backing_name = below,
                                          .backing_format = below ? "qcow2" : NULL };
    g_autoptr(GError) error = NULL;

    sinter_image_create(NULL, path, &options, &error);
    g_assert_no_error(error);
}

static char **
list(const char *one, const char *two)
{
    const char *paths[] = { one, two, NULL };

    return g_strdupv((char **)paths);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    SinterJobRecord *record;
    SinterDiskPlan *plan;

    played_host_init(&f->host.played, &host_class);
    played_job_init(&f->job, &f->host.played);
    f->host.old = g_build_filename(f->job.folder, "old", NULL);
    f->host.new = g_build_filename(f->job.folder, "new", NULL);
    f->host.guarded = TRUE;
    make_image(f->host.new, NULL);
    make_image(f->host.old, "new");
    record = f->job.record;
    plan = record->plan = sinter_disk_plan_new("vda");
    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    plan->chain_before = list(f->host.old, f->host.new);
    plan->chain_after = list(f->host.new, NULL);
    plan->base_path = g_strdup(f->host.new);
    record->in_doubt = TRUE;
    record->phase = SINTER_PHASE_RESOLVING;
    record->error_code = SINTER_ERROR_FAILED;
    record->error_message = g_strdup("QEMU ended");
    sinter_job_record_warn(record, "choose");
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_free(f->host.old);
    g_free(f->host.new);
    played_job_clear(&f->job);
    played_host_clear(&f->host.played);
}

static SinterPhase
choose(Fixture *f, const char *choice)
{
    const SinterJobContext context = { .worker_program = g_getenv("SINTER_WORKER") };
    SinterJobRecord *record = sinter_job_record_copy(f->job.last ? f->job.last : f->job.record);

    g_free(record->choice);
    record->choice = g_strdup(choice);
    record->phase = SINTER_PHASE_RESOLVING;
    return played_job_end(&f->job, played_job_start(&f->job, &context, record));
}

/* @obstacle: (nullable) */
static void
assert_in_doubt(Fixture *f, const char *obstacle)
{
    const SinterJobRecord *last = f->job.last;

    g_assert_true(last->in_doubt);
    g_assert_cmpuint(last->warnings->len, ==, 1);
    g_assert_true(f->host.guarded);
    g_assert_false(f->host.on_new);
    g_assert_cmpstr(last->error_message, ==, "QEMU ended");
    if (obstacle)
        g_assert_nonnull(strstr(last->obstacle, obstacle));
    else
        g_assert_null(last->obstacle);
}

static const SinterImageReport *
get_report(Fixture *f, guint i)
{
    return g_ptr_array_index(f->job.last->reports, i);
}

static void
compare(Fixture *f)
{
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_COMPARE), ==, SINTER_PHASE_QUARANTINED);
    assert_in_doubt(f, NULL);
    g_assert_nonnull(f->job.last->reports);
}

/* --- the tests ------------------------------------------------------------------------------- */

/* The overlay hides the clusters that it has; what the base got elsewhere is read through both. */
static void
test_compare(Fixture *f, gconstpointer data)
{
    const SinterImageFinding *finding;

    compare(f);
    g_assert_cmpuint(get_report(f, 1)->notes, ==, 0);
    write_at(f->host.new, 0, 65536);
    write_at(f->host.old, 131072, 65536);
    write_at(f->host.old, 1024 * 1024, 512);
    compare(f);
    g_assert_cmpstr(get_report(f, 0)->path, ==, f->host.old);
    g_assert_cmpstr(get_report(f, 1)->path, ==, f->host.new);
    g_assert_nonnull(strstr(get_report(f, 0)->text, "last written 20"));
    g_assert_nonnull(strstr(get_report(f, 1)->text, "2 ranges differ, 64.5 KiB in all; last"));
    g_assert_cmpuint(get_report(f, 1)->notes, ==, 2);
    finding = g_ptr_array_index(get_report(f, 1)->findings, 0);
    g_assert_cmpstr(finding->code, ==, "content-differs");
    g_assert_cmpuint(finding->guest_offset, ==, 131072);
    g_assert_cmpuint(finding->length, ==, 65536);
}

/* An image that cannot be read is reported, and the user may still choose. */
static void
test_compare_damaged(Fixture *f, gconstpointer data)
{
    int fd = open(f->host.old, O_WRONLY | O_CLOEXEC);

    g_assert_cmpint(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 40), ==, 8);
    close(fd);
    compare(f);
    g_assert_cmpint(get_report(f, 0)->state, ==, SINTER_IMAGE_FAILED);
    g_assert_cmpint(get_report(f, 1)->state, ==, SINTER_IMAGE_FAILED);
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_NEW), ==, SINTER_PHASE_DONE);
}

static void
test_new(Fixture *f, gconstpointer data)
{
    compare(f);
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_NEW), ==, SINTER_PHASE_DONE);
    g_assert_true(f->host.on_new);
    g_assert_false(f->host.guarded);
    g_assert_false(f->job.last->in_doubt);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 1);
    g_assert_nonnull(strstr(g_ptr_array_index(f->job.last->warnings, 0), f->host.old));
    g_assert_cmpint(g_access(f->host.old, F_OK), ==, 0);
}

static void
test_old(Fixture *f, gconstpointer data)
{
    compare(f);
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_OLD), ==, SINTER_PHASE_CANCELLED);
    g_assert_false(f->host.on_new);
    g_assert_false(f->host.guarded);
    g_assert_false(f->job.last->in_doubt);
}

/* Nothing is chosen unseen, while the domain runs, or while a process writes to an image. */
static void
test_obstacles(Fixture *f, gconstpointer data)
{
    int fd;

    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_NEW), ==, SINTER_PHASE_QUARANTINED);
    assert_in_doubt(f, "--compare");
    f->host.active = TRUE;
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_COMPARE), ==, SINTER_PHASE_QUARANTINED);
    assert_in_doubt(f, "is running: shut it off");
    g_assert_null(f->job.last->reports);
    f->host.active = FALSE;
    compare(f);
    f->host.active = TRUE;
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_NEW), ==, SINTER_PHASE_QUARANTINED);
    assert_in_doubt(f, "is running: shut it off");
    f->host.active = FALSE;
    fd = open(f->host.old, O_RDWR | O_CLOEXEC);
    g_assert_true(sinter_lock_descriptor(fd, f->host.old, TRUE, NULL));
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_NEW), ==, SINTER_PHASE_QUARANTINED);
    assert_in_doubt(f, f->host.old);
    close(fd);
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_NEW), ==, SINTER_PHASE_DONE);
}

/* A domain that is started on the old chain may stay there; one that is gone has no definition. */
static void
test_obvious(Fixture *f, gconstpointer data)
{
    f->host.active = TRUE;
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_OLD), ==, SINTER_PHASE_CANCELLED);
    g_assert_false(f->host.guarded);
}

static void
test_gone(Fixture *f, gconstpointer data)
{
    f->host.gone = TRUE;
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_COMPARE), ==, SINTER_PHASE_QUARANTINED);
    assert_in_doubt(f, "no longer exists");
    g_assert_cmpint(choose(f, SINTER_JOB_CHOICE_NEW), ==, SINTER_PHASE_DONE);
}

/* The daemon dies at each call: the next one finds the choice in the record, or the doubt. */
static void
test_deaths(Fixture *f, gconstpointer data)
{
    gboolean died = TRUE;

    for (guint at = 1; died; at++) {
        const SinterJobContext context = { .worker_program = g_getenv("SINTER_WORKER") };
        SinterJobRecord *record;

        f->host.on_new = FALSE;
        f->host.guarded = TRUE;
        g_clear_pointer(&f->job.last, sinter_job_record_free);
        compare(f);
        f->host.played.n_calls = 0;
        f->host.played.die_at = at;
        record = sinter_job_record_copy(f->job.last);
        g_free(record->choice);
        record->choice = g_strdup(SINTER_JOB_CHOICE_NEW);
        record->phase = SINTER_PHASE_RESOLVING;
        played_job_join(&f->job, played_job_start(&f->job, &context, record));
        died = !f->host.played.connected;
        played_host_revive(&f->host.played);
        record = played_job_load_only(&f->job);
        if (record->phase == SINTER_PHASE_RESOLVING) {
            g_assert_cmpint(played_job_end(&f->job, played_job_start(&f->job, &context, record)),
                            ==, SINTER_PHASE_DONE);
        } else {
            g_assert_true(record->in_doubt ? f->host.guarded : f->host.on_new);
            sinter_job_record_free(record);
        }
        g_assert_cmpuint(at, <, 20);
    }
    g_assert_true(f->host.on_new);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* warnings in the log are what these tests provoke */
    g_log_set_fatal_mask(NULL, G_LOG_FATAL_MASK);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
#define ADD(name, function)                                                                        \
    g_test_add("/resolve-job/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("compare", test_compare);
    ADD("compare-damaged", test_compare_damaged);
    ADD("new", test_new);
    ADD("old", test_old);
    ADD("obstacles", test_obstacles);
    ADD("obvious", test_obvious);
    ADD("gone", test_gone);
    ADD("deaths", test_deaths);
    return g_test_run();
}
