/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Offline jobs with real images and the real sinter-worker, on a played libvirt: a daemon that dies
 * before or after every single call, a domain that runs meanwhile, and workers that are none. What
 * the guest would read is compared byte by byte.
 */

#include "played-job.h"
#include "sinter-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <sinter/chain.h>
#include <sinter/create.h>
#include <sinter/handle.h>
#include <sinter/image.h>
#include <sinter/lock.h>
#include <string.h>
#include <sys/stat.h>

#define N_LAYERS 4
#define DISK_BYTES (1024 * 1024)
#define PIECE_BYTES 4096

/* --- a libvirt that plays along ------------------------------------------------------------- */

typedef struct {
    PlayedHost played;
    char *top; /* what the definition names */
    gboolean active;
    gboolean shared; /* another domain stands on the chain */
    char **snapshots;
    guint n_defined;
} Host;

/* The layers from @path down, as the headers tell. */
static void
add_layers(GPtrArray *layers, const char *path)
{
    g_autofree char *next = g_strdup(path);

    while (next) {
        g_autoptr(SinterImageInfo) info = sinter_image_info_new(NULL, next, "qcow2", NULL);
        SinterLayer *layer = sinter_layer_new();
        struct stat st;

        layer->type = SINTER_SOURCE_FILE;
        layer->path = g_strdup(next);
        layer->description = g_strdup(next);
        layer->format = g_strdup("qcow2");
        layer->missing = stat(next, &st) < 0;
        if (!layer->missing) {
            layer->device = st.st_dev;
            layer->inode = st.st_ino;
        }
        g_ptr_array_add(layers, layer);
        g_free(next);
        next = info ? g_strdup(info->backing_path) : NULL;
    }
}

static SinterDomain *
make_domain(const char *name, const char *top, gboolean active)
{
    SinterDomain *domain = sinter_domain_new();
    SinterDisk *disk = sinter_disk_new();

    domain->uuid = g_strdup(name);
    domain->name = g_strdup(name);
    domain->active = active;
    domain->state = active ? SINTER_DOMAIN_RUNNING : SINTER_DOMAIN_SHUT_OFF;
    domain->persistent = TRUE;
    disk->target = g_strdup("vda");
    disk->device = g_strdup("disk");
    add_layers(disk->layers, top);
    disk->inactive_layers = g_ptr_array_ref(disk->layers);
    g_ptr_array_add(domain->disks, disk);
    return domain;
}

static SinterDomain *
host_scan_domain(SinterVirt *virt, const char *uuid, gint64 since_usec, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(SinterDomain) domain = NULL;

    if (!played_host_enter(virt, error))
        return NULL;
    domain = make_domain(uuid, host->top, host->active);
    return played_host_leave(virt, error) ? g_steal_pointer(&domain) : NULL;
}

static SinterHost *
host_scan_all(SinterVirt *virt, GError **error)
{
    Host *host = (Host *)virt;
    g_autoptr(SinterHost) all = sinter_host_new();

    if (!played_host_enter(virt, error))
        return NULL;
    g_ptr_array_add(all->domains, make_domain("this", host->top, host->active));
    if (host->shared)
        g_ptr_array_add(all->domains, make_domain("other", host->top, FALSE));
    return played_host_leave(virt, error) ? g_steal_pointer(&all) : NULL;
}

static gboolean
host_redefine_disk(SinterVirt *virt, const char *uuid, const char *disk, const char *path,
                   const char *format, GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    g_assert_false(host->active);
    if (path) {
        g_assert_cmpstr(format, ==, "qcow2");
        g_free(host->top);
        host->top = g_strdup(path);
        host->n_defined++;
    }
    return played_host_leave(virt, error);
}

static gboolean
host_drop_snapshot(SinterVirt *virt, const char *uuid, const char *snapshot, GError **error)
{
    Host *host = (Host *)virt;

    if (!played_host_enter(virt, error))
        return FALSE;
    g_clear_pointer(&host->snapshots, g_strfreev);
    return played_host_leave(virt, error);
}

static const SinterVirtClass host_class = {
    .scan_domain = host_scan_domain,
    .scan_all = host_scan_all,
    .redefine_disk = host_redefine_disk,
    .drop_snapshot = host_drop_snapshot,
    .sync_definition = played_host_sync_definition,
    .sync_snapshots = played_host_sync_snapshots,
    .refresh_pool = played_host_refresh_pool,
};

/* --- a chain: l0 (active) > l1 > l2 > l3, each with a piece of its own and a shared one ------ */

typedef struct {
    Host host;
    PlayedJob job;
    char *paths[N_LAYERS];
    char *worker; /* the program */
    guint8 *content;
} Fixture;

static guint8 *
read_disk(const char *top)
{
    const SinterChainOptions options = { .format = "qcow2" };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = sinter_chain_open(top, &options, &error);
    guint8 *content = g_malloc(DISK_BYTES);

    g_assert_no_error(error);
    sinter_chain_read(chain, 0, content, DISK_BYTES, &error);
    g_assert_no_error(error);
    return content;
}

static void
write_pieces(const char *path, guint layer)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *piece = g_malloc(PIECE_BYTES);
    SinterHandle *handle = sinter_handle_open(NULL, path, "qcow2", SINTER_HANDLE_DEFAULT, &error);

    g_assert_no_error(error);
    memset(piece, (int)layer + 1, PIECE_BYTES);
    for (guint i = 0; i <= layer; i++) /* layer N shows through at N × 64 KiB only */
        g_assert_true(
            sinter_handle_write_at(handle, i * 65536 + layer, piece, PIECE_BYTES, &error));
    g_assert_true(sinter_handle_close(handle, &error));
}

static void
make_chain(Fixture *f)
{
    g_autoptr(GError) error = NULL;

    for (guint i = N_LAYERS; i-- > 0;) {
        g_autofree char *name = g_strdup_printf("l%u", i);
        g_autofree char *below = i + 1 < N_LAYERS ? g_strdup_printf("l%u", i + 1) : NULL;
        const SinterCreateOptions options = { .format = "qcow2",
                                              .virtual_size = DISK_BYTES,
                                              .backing_name = below,
                                              .backing_format = below ? "qcow2" : NULL };

        g_free(f->paths[i]);
        f->paths[i] = g_build_filename(f->job.folder, name, NULL);
        sinter_image_create(NULL, f->paths[i], &options, &error);
        g_assert_no_error(error);
        write_pieces(f->paths[i], i);
    }
    g_free(f->content);
    f->content = read_disk(f->paths[0]);
}

/* (transfer full): the paths of layers [@from, @to), after @head if there is one */
static char **
list_paths(Fixture *f, const char *head, guint from, guint to)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();

    if (head)
        g_strv_builder_add(list, head);
    for (guint i = from; i < to; i++)
        g_strv_builder_add(list, f->paths[i]);
    return g_strv_builder_end(list);
}

static void
make_plan(Fixture *f, SinterOperation operation)
{
    SinterDiskPlan *plan = sinter_disk_plan_new("vda");
    guint top = operation == SINTER_OPERATION_COMMIT ? 1 : 0;
    gboolean pull = operation == SINTER_OPERATION_PULL;

    plan->operation = operation;
    plan->offline = TRUE;
    plan->top_path = g_strdup(f->paths[top]);
    plan->base_path = pull ? NULL : g_strdup(f->paths[N_LAYERS - 1]);
    g_strfreev(plan->chain_before);
    g_strfreev(plan->chain_after);
    g_strfreev(plan->remove_files);
    g_strfreev(plan->drop_snapshots);
    plan->chain_before = list_paths(f, NULL, 0, N_LAYERS);
    plan->chain_after = pull       ? list_paths(f, f->paths[0], 0, 0)
                        : top == 0 ? list_paths(f, NULL, N_LAYERS - 1, N_LAYERS)
                                   : list_paths(f, f->paths[0], N_LAYERS - 1, N_LAYERS);
    plan->remove_files =
        pull ? list_paths(f, NULL, 1, N_LAYERS) : list_paths(f, NULL, top, N_LAYERS - 1);
    plan->drop_snapshots = g_new0(char *, 1);
    g_clear_pointer(&f->job.record->plan, sinter_disk_plan_free);
    f->job.record->plan = plan;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    played_host_init(&f->host.played, &host_class);
    played_job_init(&f->job, &f->host.played);
    f->worker = g_strdup(g_getenv("SINTER_WORKER"));
    make_chain(f);
    f->host.top = g_strdup(f->paths[0]);
    make_plan(f, SINTER_OPERATION_ACTIVE_COMMIT);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < N_LAYERS; i++)
        g_free(f->paths[i]);
    g_free(f->worker);
    g_free(f->content);
    g_free(f->host.top);
    g_strfreev(f->host.snapshots);
    played_job_clear(&f->job);
    played_host_clear(&f->host.played);
}

/* --- running a job -------------------------------------------------------------------------- */

/* @record: (transfer full) */
static SinterJobRun *
start_job(Fixture *f, SinterJobRecord *record)
{
    const SinterJobContext context = { .worker_program = f->worker };
    SinterJobRun *job = played_job_start(&f->job, &context, record);

    played_job_admit(&f->job);
    return job;
}

static SinterJobRun *
start_fresh_job(Fixture *f)
{
    return start_job(f, sinter_job_record_copy(f->job.record));
}

static SinterPhase
run_job(Fixture *f)
{
    return played_job_end(&f->job, start_fresh_job(f));
}

static gboolean
is_waiting(const SinterJobRecord *last)
{
    return last->phase == SINTER_PHASE_WAITING;
}

static gboolean
is_copying(const SinterJobRecord *last)
{
    return last->phase == SINTER_PHASE_COPYING;
}

static void
assert_content(Fixture *f)
{
    g_autofree guint8 *now = read_disk(f->host.top);

    g_assert_cmpmem(now, DISK_BYTES, f->content, DISK_BYTES);
}

/* The old chain in the definition might come back after a crash of the host, and libvirt would
 * trust it more than the headers. */
static void
test_unsynced_definition_begins_nothing(Fixture *f, gconstpointer data)
{
    f->host.played.sync_fails = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpstr(f->job.last->error_message, ==, "no sync");
    g_assert_cmpstr(f->host.top, ==, f->paths[0]);
    assert_content(f);
    for (guint i = 0; i < N_LAYERS; i++)
        g_assert_true(g_file_test(f->paths[i], G_FILE_TEST_EXISTS));
}

static void
assert_merged(Fixture *f)
{
    g_autoptr(SinterDomain) domain = make_domain("this", f->host.top, FALSE);
    g_auto(GStrv) chain = sinter_disk_dup_chain(sinter_domain_find_disk(domain, "vda"));

    g_assert_cmpstr(f->job.last->error_message, ==, NULL);
    g_assert_cmpstr(sinter_phase_name(f->job.last->phase), ==, "done");
    g_assert_cmpuint(f->job.last->warnings->len, ==, 0);
    g_assert_true(g_strv_equal((const char *const *)chain,
                               (const char *const *)f->job.record->plan->chain_after));
    for (char **path = f->job.record->plan->remove_files; *path; path++)
        g_assert_false(g_file_test(*path, G_FILE_TEST_EXISTS));
    assert_content(f);
}

static void
assert_untouched(Fixture *f)
{
    g_autoptr(SinterDomain) domain = make_domain("this", f->paths[0], FALSE);
    g_auto(GStrv) chain = sinter_disk_dup_chain(sinter_domain_find_disk(domain, "vda"));

    g_assert_cmpstr(f->host.top, ==, f->paths[0]);
    g_assert_true(g_strv_equal((const char *const *)chain,
                               (const char *const *)f->job.record->plan->chain_before));
    assert_content(f);
}

/* --- cases ---------------------------------------------------------------------------------- */

static const SinterOperation operations[] = { SINTER_OPERATION_ACTIVE_COMMIT,
                                              SINTER_OPERATION_COMMIT, SINTER_OPERATION_PULL };

static void
test_operation(Fixture *f, gconstpointer data)
{
    make_plan(f, *(const SinterOperation *)data);
    run_job(f);
    assert_merged(f);
    g_assert_cmpuint(f->host.n_defined, ==, *(const SinterOperation *)data == operations[0]);
}

/* The domain was started before the job's turn came. */
static void
test_waits_for_the_domain(Fixture *f, gconstpointer data)
{
    g_autoptr(SinterEvent) stopped = sinter_event_new(SINTER_EVENT_LIFECYCLE);
    SinterJobRun *job;

    f->host.active = TRUE;
    job = start_fresh_job(f);
    played_job_await(&f->job, is_waiting);
    assert_untouched(f);
    g_mutex_lock(&f->host.played.lock);
    f->host.active = FALSE;
    sinter_mailbox_post_event(f->host.played.mailbox, stopped);
    g_mutex_unlock(&f->host.played.lock);
    played_job_end(&f->job, job);
    assert_merged(f);
}

static void
test_cancel_while_it_waits(Fixture *f, gconstpointer data)
{
    SinterJobRun *job;

    f->host.active = TRUE;
    job = start_fresh_job(f);
    played_job_await(&f->job, is_waiting);
    sinter_mailbox_post(f->host.played.mailbox, SINTER_MESSAGE_CANCEL);
    g_assert_cmpint(played_job_end(&f->job, job), ==, SINTER_PHASE_CANCELLED);
    g_assert_cmpuint(f->job.last->warnings->len, ==, 0);
    assert_untouched(f);
}

/* No event tells when somebody lets an image go: it is looked at again. */
static void
test_waits_for_an_image(Fixture *f, gconstpointer data)
{
    g_auto(SinterFd) fd = open(f->paths[2], O_RDONLY | O_CLOEXEC);
    SinterJobRun *job;

    g_assert_true(sinter_lock_descriptor(fd, f->paths[2], TRUE, NULL));
    job = start_fresh_job(f);
    played_job_await(&f->job, is_waiting);
    sinter_fd_clear(&fd);
    played_job_end(&f->job, job);
    assert_merged(f);
}

static void
test_shared_since_the_plan(Fixture *f, gconstpointer data)
{
    f->host.shared = TRUE;
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    g_assert_cmpint(f->job.last->error_code, ==, SINTER_ERROR_SHARED_BASE);
    assert_untouched(f);
}

static void
use_script(Fixture *f, const char *text)
{
    g_free(f->worker);
    f->worker = g_build_filename(f->job.folder, "worker", NULL);
    g_assert_true(g_file_set_contents(f->worker, text, -1, NULL));
    g_assert_cmpint(g_chmod(f->worker, 0700), ==, 0);
}

static void
assert_fails_with(Fixture *f, const char *text)
{
    g_assert_cmpint(run_job(f), ==, SINTER_PHASE_FAILED);
    if (!strstr(f->job.last->error_message, text))
        g_test_message("%s", f->job.last->error_message);
    g_assert_nonnull(strstr(f->job.last->error_message, text));
    assert_untouched(f);
}

/* Not one of them is believed, and not one outlives its job. */
static void
test_strange_workers(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *script;
        const char *text;
    } table[] = {
        { "#!/bin/sh\nexit 3\n", "it exited with status 3" },
        { "#!/bin/sh\nkill -KILL $$\n", "it was killed by signal 9" },
        /* how many of its input and output are silent */
        { "#!/bin/sh\nexit $(readlink /proc/$$/fd/0 /proc/$$/fd/1 | grep -cx /dev/null)\n",
          "it exited with status 2" },
        { "#!/bin/sh\necho nonsense >&3\nexec sleep 1000\n",
          "invalid message on the worker's socket" },
        { "#!/bin/sh\necho '{\"kind\":\"cancel\"}' >&3\n", "an invalid message" },
        { "#!/bin/sh\necho '{\"kind\":\"error\",\"code\":\"NoSpace\",\"text\":\"full\"}' >&3\n",
          "full" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        use_script(f, table[i].script);
        assert_fails_with(f, table[i].text);
    }
    g_free(f->worker);
    f->worker = g_strdup("/nonexistent/sinter-worker");
    assert_fails_with(f, "/nonexistent/sinter-worker");
}

/* Or the job would wait for a quarter of an hour. */
static void
test_stop_takes_the_worker_along(Fixture *f, gconstpointer data)
{
    SinterJobRun *job;

    use_script(f, "#!/bin/sh\nexec sleep 1000\n");
    job = start_fresh_job(f);
    played_job_await(&f->job, is_copying);
    sinter_mailbox_post(f->host.played.mailbox, SINTER_MESSAGE_STOP);
    played_job_join(&f->job, job);
    g_assert_cmpint(f->job.last->phase, ==, SINTER_PHASE_COPYING);
    assert_untouched(f);
}

/* Returns whether the daemon died; then another one took the job over and ended it. */
static gboolean
die_and_take_over(SinterOperation operation, guint die_at, gboolean after)
{
    Fixture f = { 0 };
    gboolean died;

    set_up(&f, NULL);
    make_plan(&f, operation);
    f.host.played.die_at = die_at;
    f.host.played.die_after = after;
    played_job_join(&f.job, start_fresh_job(&f));
    died = !f.host.played.connected;
    if (died) {
        assert_content(&f);
        played_host_revive(&f.host.played);
        played_job_end(&f.job, start_job(&f, played_job_load_only(&f.job)));
    }
    assert_merged(&f);
    tear_down(&f, NULL);
    return died;
}

static void
test_death_at_every_call(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        for (int after = 0; after < 2; after++) {
            guint die_at = 1;

            while (die_and_take_over(operations[i], die_at, after))
                die_at++;
            g_test_message("%s: died %s each of %u calls", sinter_operation_name(operations[i]),
                           after ? "after" : "before", die_at - 1);
            g_assert_cmpuint(die_at, >, 5);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* warnings in the log are what many of these tests provoke */
    g_log_set_fatal_mask(NULL, G_LOG_FATAL_MASK);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
#define ADD(name, data, func)                                                                      \
    g_test_add("/offline-job/" name, Fixture, data, set_up, func, tear_down)
    ADD("unsynced-definition-begins-nothing", NULL, test_unsynced_definition_begins_nothing);
    ADD("active-commit", &operations[0], test_operation);
    ADD("commit", &operations[1], test_operation);
    ADD("pull", &operations[2], test_operation);
    ADD("waits-for-the-domain", NULL, test_waits_for_the_domain);
    ADD("cancel-while-it-waits", NULL, test_cancel_while_it_waits);
    ADD("waits-for-an-image", NULL, test_waits_for_an_image);
    ADD("shared-since-the-plan", NULL, test_shared_since_the_plan);
    ADD("strange-workers", NULL, test_strange_workers);
    ADD("stop-takes-the-worker-along", NULL, test_stop_takes_the_worker_along);
#undef ADD
    g_test_add_func("/offline-job/death-at-every-call", test_death_at_every_call);
    return g_test_run();
}
