/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks with real images and the real sinter-worker, on a played libvirt: what is found in which
 * image, what is not read, a daemon that dies before or after every single call, and workers that
 * are none. The decision is a table of its own.
 */

#include "played-job.h"
#include "sinter-check-reconcile.h"
#include "sinter-undo-store.h"

#include <glib/gstdio.h>
#include <sinter/chain.h>
#include <sinter/create.h>
#include <sinter/handle.h>
#include <sinter/lock.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#define N_LAYERS 3

/* --- the decision ----------------------------------------------------------------------------- */

static void
test_table(void)
{
    static const struct {
        gboolean of_file;
        gboolean cancel;
        gboolean exists;
        SinterChainState chain;
        SinterBlockJobType job;
        SinterNext next;
        SinterError error;
    } table[] = {
        { TRUE, FALSE, FALSE, SINTER_CHAIN_OTHER, SINTER_BLOCK_JOB_NONE, SINTER_NEXT_START },
        { TRUE, TRUE, FALSE, SINTER_CHAIN_OTHER, SINTER_BLOCK_JOB_NONE, SINTER_NEXT_CANCELLED,
          SINTER_ERROR_CANCELLED },
        { FALSE, FALSE, TRUE, SINTER_CHAIN_BEFORE, SINTER_BLOCK_JOB_NONE, SINTER_NEXT_START },
        { FALSE, TRUE, TRUE, SINTER_CHAIN_BEFORE, SINTER_BLOCK_JOB_NONE, SINTER_NEXT_CANCELLED,
          SINTER_ERROR_CANCELLED },
        { FALSE, TRUE, FALSE, SINTER_CHAIN_OTHER, SINTER_BLOCK_JOB_NONE, SINTER_NEXT_CANCELLED,
          SINTER_ERROR_CANCELLED },
        { FALSE, FALSE, FALSE, SINTER_CHAIN_BEFORE, SINTER_BLOCK_JOB_NONE, SINTER_NEXT_FAIL,
          SINTER_ERROR_NOT_FOUND },
        { FALSE, FALSE, TRUE, SINTER_CHAIN_OTHER, SINTER_BLOCK_JOB_NONE, SINTER_NEXT_FAIL,
          SINTER_ERROR_CHAIN_CHANGED },
        { FALSE, FALSE, TRUE, SINTER_CHAIN_BEFORE, SINTER_BLOCK_JOB_COMMIT, SINTER_NEXT_FAIL,
          SINTER_ERROR_BUSY },
        { FALSE, FALSE, TRUE, SINTER_CHAIN_BEFORE, SINTER_BLOCK_JOB_COPY, SINTER_NEXT_FAIL,
          SINTER_ERROR_BUSY },
    };
    static const SinterPhase phases[] = { SINTER_PHASE_QUEUED, SINTER_PHASE_CHECKING };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        for (gsize k = 0; k < G_N_ELEMENTS(phases); k++) {
            g_autoptr(SinterJobRecord) record = sinter_job_record_new();
            const SinterObservation seen = { .domain_exists = table[i].exists,
                                             .chain = table[i].chain,
                                             .block_job = table[i].job };
            SinterVerdict verdict;

            record->domain_uuid = g_strdup(table[i].of_file ? "" : "this");
            record->phase = phases[k];
            record->cancel_requested = table[i].cancel;
            verdict = sinter_check_reconcile(record, &seen);
            g_assert_cmpint(verdict.next, ==, table[i].next);
            if (verdict.next >= SINTER_NEXT_FAIL) {
                g_assert_cmpint(verdict.error, ==, table[i].error);
                g_assert_nonnull(verdict.reason);
            }
        }
    }
}

/* --- a libvirt that plays along --------------------------------------------------------------- */

typedef struct {
    PlayedHost played;
    char *paths[N_LAYERS]; /* l0 (active) > l1 > l2 */
    gboolean active;
    gboolean gone;
    guint n_layers; /* that the chain has now */
} Host;

static void
add_layer(SinterDisk *disk, const char *path)
{
    SinterLayer *layer = sinter_layer_new();
    struct stat st;

    layer->type = SINTER_SOURCE_FILE;
    layer->path = g_strdup(path);
    layer->description = g_strdup(path);
    layer->format = g_strdup("qcow2");
    if (stat(path, &st) == 0) {
        layer->device = st.st_dev;
        layer->inode = st.st_ino;
    }
    g_ptr_array_add(disk->layers, layer);
}

static SinterDomain *
host_scan_domain(SinterVirt *virt, const char *uuid, gint64 since_usec, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(SinterDomain) domain = sinter_domain_new();
    SinterDisk *disk = sinter_disk_new();

    g_ptr_array_add(domain->disks, disk);
    domain->uuid = g_strdup(uuid);
    domain->name = g_strdup(uuid);
    domain->active = host->active;
    disk->target = g_strdup("vda");
    for (guint i = 0; i < host->n_layers; i++)
        add_layer(disk, host->paths[i]);
    if (!played_host_enter(virt, error))
        return NULL;
    if (host->gone) {
        g_mutex_unlock(&host->played.lock);
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "gone");
        return NULL;
    }
    return played_host_leave(virt, error) ? g_steal_pointer(&domain) : NULL;
}

static const SinterVirtClass host_class = { .scan_domain = host_scan_domain };

/* --- the images ------------------------------------------------------------------------------- */

typedef struct {
    Host host;
    PlayedJob job;
    char *worker;
    char *undo_dir;
} Fixture;

static void
make_image(const char *path, const char *below)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .virtual_size = 1024 * 1024,
                                          .backing_name = below,
                                          .backing_format = below ? "qcow2" : NULL };
    g_autoptr(GError) error = NULL;
    SinterHandle *handle;
    guint8 data[4096];

    sinter_image_create(NULL, path, &options, &error);
    g_assert_no_error(error);
    handle = sinter_handle_open(NULL, path, "qcow2", SINTER_HANDLE_DEFAULT, &error);
    g_assert_no_error(error);
    memset(data, 7, sizeof data);
    g_assert_true(sinter_handle_write_at(handle, 0, data, sizeof data, &error));
    g_assert_true(sinter_handle_close(handle, &error));
}

static guint64
read_number(int fd, off_t offset)
{
    guint64 number;

    g_assert_cmpint(pread(fd, &number, sizeof number, offset), ==, sizeof number);
    return GUINT64_FROM_BE(number);
}

/* Makes the first entry of the first L2 table refer to a place far behind the end of the file. */
static void
damage_image(const char *path)
{
    int fd = open(path, O_RDWR);
    guint64 l1 = read_number(fd, 40);
    guint64 l2 = read_number(fd, (off_t)l1) & G_GUINT64_CONSTANT(0x00fffffffffffe00);
    guint64 entry = GUINT64_TO_BE(G_GUINT64_CONSTANT(0x8000000040000000));

    g_assert_cmpint(pwrite(fd, &entry, sizeof entry, (off_t)l2), ==, sizeof entry);
    close(fd);
}

/* Counts a cluster behind the end as used. */
static void
leak_cluster(const char *path)
{
    int fd = open(path, O_RDWR);
    guint64 block = read_number(fd, (off_t)read_number(fd, 48));
    struct stat st;
    guint16 count = GUINT16_TO_BE(1);

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_assert_cmpint(pwrite(fd, &count, 2, (off_t)block + 2 * ((st.st_size + 65535) / 65536)), ==,
                    2);
    g_assert_cmpint(ftruncate(fd, (st.st_size + 65535) / 65536 * 65536 + 65536), ==, 0);
    close(fd);
}

static void
set_plan(Fixture *f, guint n_checked)
{
    SinterDiskPlan *plan = sinter_disk_plan_new("vda");
    g_autoptr(GStrvBuilder) chain = g_strv_builder_new();
    g_autoptr(GStrvBuilder) checked = g_strv_builder_new();
    const char *const skipped[] = { f->host.paths[0], NULL };
    const char *const reasons[] = { "it is being written", NULL };

    plan->operation = SINTER_OPERATION_CHECK;
    for (guint i = 0; i < N_LAYERS; i++) {
        g_strv_builder_add(chain, f->host.paths[i]);
        if (i >= N_LAYERS - n_checked)
            g_strv_builder_add(checked, f->host.paths[i]);
    }
    g_strfreev(plan->chain_before);
    g_strfreev(plan->check_paths);
    plan->chain_before = g_strv_builder_end(chain);
    g_strfreev(plan->chain_after);
    plan->chain_after = g_strdupv(plan->chain_before);
    plan->check_paths = g_strv_builder_end(checked);
    if (n_checked < N_LAYERS) {
        g_strfreev(plan->skip_paths);
        g_strfreev(plan->skip_reasons);
        plan->skip_paths = g_strdupv((char **)skipped);
        plan->skip_reasons = g_strdupv((char **)reasons);
    }
    g_clear_pointer(&f->job.record->plan, sinter_disk_plan_free);
    f->job.record->plan = plan;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    played_host_init(&f->host.played, &host_class);
    played_job_init(&f->job, &f->host.played);
    f->worker = g_strdup(g_getenv("SINTER_WORKER"));
    f->undo_dir = g_build_filename(f->job.folder, "undo", NULL);
    f->host.n_layers = N_LAYERS;
    for (guint i = N_LAYERS; i-- > 0;) {
        g_autofree char *name = g_strdup_printf("l%u", i);
        g_autofree char *below = i + 1 < N_LAYERS ? g_strdup_printf("l%u", i + 1) : NULL;

        f->host.paths[i] = g_build_filename(f->job.folder, name, NULL);
        make_image(f->host.paths[i], below);
    }
    g_free(f->job.record->kind);
    f->job.record->kind = g_strdup(SINTER_JOB_KIND_CHECK);
    set_plan(f, N_LAYERS);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < N_LAYERS; i++)
        g_free(f->host.paths[i]);
    g_free(f->worker);
    g_free(f->undo_dir);
    played_job_clear(&f->job);
    played_host_clear(&f->host.played);
}

static SinterJobRun *
start_job(Fixture *f, SinterJobRecord *record)
{
    const SinterJobContext context = { .worker_program = f->worker, .undo_dir = f->undo_dir };
    SinterJobRun *job = played_job_start(&f->job, &context, record);

    played_job_admit(&f->job);
    return job;
}

static SinterPhase
run_job(Fixture *f)
{
    return played_job_end(&f->job, start_job(f, sinter_job_record_copy(f->job.record)));
}

static const SinterImageReport *
get_report(Fixture *f, guint i)
{
    g_assert_nonnull(f->job.last->reports);
    g_assert_cmpuint(f->job.last->reports->len, >, i);
    return g_ptr_array_index(f->job.last->reports, i);
}

static void
assert_checked(Fixture *f, guint i, gboolean damaged)
{
    const SinterImageReport *report = get_report(f, i);

    g_assert_cmpint(report->state, ==, SINTER_IMAGE_CHECKED);
    g_assert_true(report->complete);
    g_assert_cmpint(report->corruptions > 0, ==, damaged);
    g_assert_cmpuint(report->errors, ==, 0);
}

/* --- the tests -------------------------------------------------------------------------------- */

static void
test_clean(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->reports->len, ==, N_LAYERS);
    for (guint i = 0; i < N_LAYERS; i++) {
        assert_checked(f, i, FALSE);
        g_assert_cmpstr(get_report(f, i)->path, ==, f->host.paths[i]);
        g_assert_cmpuint(get_report(f, i)->findings->len, ==, 0);
    }
}

/* The damage is in the report of its image, with its place; the record on disk has it too. */
static void
test_damage(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterJobRecord) stored = NULL;
    const SinterImageFinding *finding;

    damage_image(f->host.paths[1]);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    assert_checked(f, 0, FALSE);
    assert_checked(f, 1, TRUE);
    assert_checked(f, 2, FALSE);
    finding = g_ptr_array_index(get_report(f, 1)->findings, 0);
    g_assert_cmpstr(finding->klass, ==, "corruption");
    g_assert_cmpuint(finding->guest_offset, ==, 0);
    g_assert_nonnull(strstr(finding->code, "l2-entry"));
    stored = played_job_load_only(&f->job);
    g_assert_cmpuint(((SinterImageReport *)g_ptr_array_index(stored->reports, 1))->corruptions, >,
                     0);
}

static void
test_skipped(Fixture *f, gconstpointer data)
{
    set_plan(f, N_LAYERS - 1);
    damage_image(f->host.paths[0]);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpint(get_report(f, 0)->state, ==, SINTER_IMAGE_SKIPPED);
    g_assert_cmpstr(get_report(f, 0)->text, ==, "it is being written");
    assert_checked(f, 1, FALSE);
}

/* An image that is being written is not read; the others are. */
static void
test_in_use(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *writer =
        sinter_handle_open(NULL, f->host.paths[0], "qcow2", SINTER_HANDLE_DEFAULT, &error);

    g_assert_no_error(error);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpint(get_report(f, 0)->state, ==, SINTER_IMAGE_FAILED);
    g_assert_nonnull(strstr(get_report(f, 0)->text, "process"));
    assert_checked(f, 1, FALSE);
    g_assert_true(sinter_handle_close(writer, &error));
}

static gboolean
is_checking(const SinterJobRecord *last)
{
    return last->phase == SINTER_PHASE_CHECKING;
}

static void
test_nothing_checked(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *writer =
        sinter_handle_open(NULL, f->host.paths[2], "qcow2", SINTER_HANDLE_DEFAULT, &error);

    g_assert_no_error(error);
    set_plan(f, 1);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_LOCKED);
    g_assert_true(sinter_handle_close(writer, &error));
}

static void
test_replaced(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(g_unlink(f->host.paths[2]), ==, 0);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpint(get_report(f, 2)->state, ==, SINTER_IMAGE_FAILED);
    assert_checked(f, 0, FALSE);
}

static void
test_ends(Fixture *f, gconstpointer data)
{
    f->host.n_layers = 2;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_CHAIN_CHANGED);
    f->host.gone = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_NOT_FOUND);
}

/* A file needs no domain: libvirt is not asked at all. */
static void
test_file(Fixture *f, gconstpointer data)
{
    SinterDiskPlan *plan;
    const char *const paths[] = { f->host.paths[1], NULL };

    damage_image(f->host.paths[1]);
    set_plan(f, 1);
    plan = f->job.record->plan;
    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    g_strfreev(plan->check_paths);
    plan->chain_before = g_new0(char *, 1);
    plan->chain_after = g_new0(char *, 1);
    plan->check_paths = g_strdupv((char **)paths);
    g_free(f->job.record->domain_uuid);
    f->job.record->domain_uuid = g_strdup("");
    f->host.gone = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->job.last->reports->len, ==, 1);
    assert_checked(f, 0, TRUE);
    g_assert_cmpuint(f->host.played.n_calls, ==, 0);
}

/* The daemon dies before or after each call: the next one checks from the beginning. */
static void
test_deaths(Fixture *f, gconstpointer data)
{
    guint n_deaths = 0;

    damage_image(f->host.paths[2]);
    for (guint i = 0; i < 6; i++) {
        g_autoptr(GPtrArray) records = NULL;
        SinterJobRun *job;

        f->host.played.n_calls = 0;
        f->host.played.die_at = i / 2 + 1;
        f->host.played.die_after = i % 2;
        job = start_job(f, sinter_job_record_copy(f->job.record));
        played_job_join(&f->job, job);
        played_host_revive(&f->host.played);
        records = played_job_load(&f->job);
        g_assert_cmpuint(records->len, ==, 1);
        n_deaths += !f->job.ended;
        if (!f->job.ended)
            g_assert_cmpint(
                played_job_end(&f->job, start_job(f, sinter_job_record_copy(records->pdata[0]))),
                ==, SINTER_PHASE_DONE);
        assert_checked(f, 2, TRUE);
    }
    g_assert_cmpuint(n_deaths, >=, 2);
}

/* A program that is no worker: it is tried three times, then the job says so. */
static void
test_no_worker(Fixture *f, gconstpointer data)
{
    g_free(f->worker);
    f->worker = g_strdup("/bin/false");
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_nonnull(strstr(f->job.last->error_message, "sinter-worker died"));
    g_assert_null(f->job.last->reports);
}

/* Repairs leave what they replaced in undo files, and only where they changed anything. */
static void
test_repair(Fixture *f, gconstpointer data)
{
    SinterDiskPlan *plan;

    leak_cluster(f->host.paths[1]);
    set_plan(f, N_LAYERS);
    plan = f->job.record->plan;
    plan->operation = SINTER_OPERATION_REPAIR;
    plan->repair_leaks = TRUE;
    g_free(f->job.record->kind);
    f->job.record->kind = g_strdup(SINTER_JOB_KIND_REPAIR);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    for (guint i = 0; i < N_LAYERS; i++) {
        assert_checked(f, i, FALSE);
        g_assert_cmpuint(get_report(f, i)->leaks, ==, 0);
        g_assert_cmpuint(get_report(f, i)->repaired, ==, i == 1 ? 1 : 0);
    }
    g_assert_cmpuint(g_strv_length(f->job.last->undo_files), ==, 1);
    g_assert_true(g_str_has_suffix(f->job.last->undo_files[0], "-1-1.undo"));
    g_assert_true(g_file_test(f->job.last->undo_files[0], G_FILE_TEST_IS_REGULAR));
    /* the domain was started since */
    f->host.active = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_BUSY);
}

/* An image that anybody has open is not repaired. */
static void
test_repair_in_use(Fixture *f, gconstpointer data)
{
    const SinterChainOptions options = { .format = "qcow2" };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) reader = sinter_chain_open(f->host.paths[2], &options, &error);

    g_assert_no_error(error);
    f->job.record->plan->operation = SINTER_OPERATION_REPAIR;
    g_free(f->job.record->kind);
    f->job.record->kind = g_strdup(SINTER_JOB_KIND_REPAIR);
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_DONE);
    g_assert_cmpint(get_report(f, 2)->state, ==, SINTER_IMAGE_FAILED);
    assert_checked(f, 0, FALSE);
    g_assert_null(f->job.last->undo_files[0]);
}

static void
make_undo_file(const char *dir, const char *job, guint image, gsize size)
{
    g_auto(SinterFd) fd = sinter_undo_store_create(dir, job, image, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
}

/* Which undo files are kept: those of the job, in order, and the newest of the others. */
static void
test_undo_store(Fixture *f, gconstpointer data)
{
    g_autofree char *dir = g_build_filename(f->job.folder, "store", NULL);
    g_autofree char *foreign = g_build_filename(dir, "job1-0-1.undo.mine", NULL);
    const SinterUndoLimits limits = { .max_files = 3, .max_days = 1 };
    g_auto(GStrv) of_two = NULL;
    g_auto(GStrv) of_ten = NULL;
    g_auto(GStrv) old = NULL;

    make_undo_file(dir, "2", 0, 5);
    make_undo_file(dir, "2", 1, 0);
    make_undo_file(dir, "2", 0, 5); /* a second try */
    make_undo_file(dir, "10", 0, 5);
    make_undo_file(dir, "9", 0, 5);
    make_undo_file(dir, "9", 1, 5);
    g_assert_true(g_file_set_contents(foreign, "", 0, NULL));
    of_two = sinter_undo_store_collect(dir, "2");
    g_assert_cmpuint(g_strv_length(of_two), ==, 2);
    g_assert_true(g_str_has_suffix(of_two[0], "/job2-0-1.undo"));
    g_assert_true(g_str_has_suffix(of_two[1], "/job2-0-2.undo"));
    sinter_undo_store_rotate(dir, "10", &limits);
    g_assert_false(g_file_test(of_two[0], G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(of_two[1], G_FILE_TEST_EXISTS));
    old = sinter_undo_store_collect(dir, "9");
    g_assert_cmpuint(g_strv_length(old), ==, 2);
    of_ten = sinter_undo_store_collect(dir, "10");
    g_assert_cmpint(g_utime(old[0], &(struct utimbuf){ 1, 1 }), ==, 0);
    g_assert_cmpint(g_utime(of_ten[0], &(struct utimbuf){ 1, 1 }), ==, 0);
    sinter_undo_store_rotate(dir, "10", &limits);
    g_assert_false(g_file_test(old[0], G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(old[1], G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(of_ten[0], G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(foreign, G_FILE_TEST_EXISTS));
}

/* A worker that never answers is killed after the request to cancel. */
static void
test_cancel(Fixture *f, gconstpointer data)
{
    g_autofree char *script = g_build_filename(f->job.folder, "worker", NULL);
    SinterJobRun *job;

    g_assert_true(
        g_file_set_contents(script, "#!/bin/sh\nread line <&3\nread line <&3\n", -1, NULL));
    g_assert_cmpint(g_chmod(script, 0700), ==, 0);
    g_free(f->worker);
    f->worker = g_strdup(script);
    job = start_job(f, sinter_job_record_copy(f->job.record));
    played_job_await(&f->job, is_checking);
    sinter_mailbox_post(f->host.played.mailbox, SINTER_MESSAGE_CANCEL);
    g_assert_cmpint(played_job_end(&f->job, job), ==, SINTER_PHASE_CANCELLED);
    g_assert_null(f->job.last->reports);
}

#define ADD(name, func) g_test_add("/check-job/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* warnings in the log are what many of these tests provoke */
    g_log_set_fatal_mask(NULL, G_LOG_FATAL_MASK);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    g_test_add_func("/check-job/table", test_table);
    ADD("clean", test_clean);
    ADD("damage", test_damage);
    ADD("skipped", test_skipped);
    ADD("in-use", test_in_use);
    ADD("nothing-checked", test_nothing_checked);
    ADD("replaced", test_replaced);
    ADD("ends", test_ends);
    ADD("file", test_file);
    ADD("deaths", test_deaths);
    ADD("no-worker", test_no_worker);
    ADD("cancel", test_cancel);
    ADD("repair", test_repair);
    ADD("repair-in-use", test_repair_in_use);
    ADD("undo-store", test_undo_store);
    return g_test_run();
}
