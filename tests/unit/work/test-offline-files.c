/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The images of an offline merge: which are opened how, that no path leads astray, and that locks
 * keep others out and are kept out by others.
 */

#include "sinter-file.h"
#include "sinter-offline-files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sinter/create.h>
#include <sinter/lock.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_LAYERS 4

/* l0 (active) > l1 > l2 > l3 */
typedef struct {
    char *folder;
    char *paths[N_LAYERS];
    SinterDisk *disk;
    SinterDiskPlan *plan;
} Place;

/* @backing: (nullable): as the header is to name it */
static void
make_image(const char *path, const char *backing, const char *backing_format)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .virtual_size = 1024 * 1024,
                                          .backing_name = backing,
                                          .backing_format = backing_format };
    g_autoptr(GError) error = NULL;

    sinter_image_create(NULL, path, &options, &error);
    g_assert_no_error(error);
}

static void
make_layer(Place *place, guint i)
{
    g_autofree char *below = g_strdup_printf("l%u", i + 1);

    if (i < N_LAYERS - 1)
        make_image(place->paths[i], below, i < N_LAYERS - 2 ? "qcow2" : "raw");
    else
        g_assert_true(g_file_set_contents(place->paths[i], "raw", -1, NULL));
}

static void
place_set_up(Place *place, gconstpointer data)
{
    place->folder = g_dir_make_tmp("sinter-offline-XXXXXX", NULL);
    place->disk = sinter_disk_new();
    place->disk->target = g_strdup("vda");
    for (guint i = 0; i < N_LAYERS; i++) {
        g_autofree char *name = g_strdup_printf("l%u", i);
        SinterLayer *layer = sinter_layer_new();
        struct stat st;

        place->paths[i] = g_build_filename(place->folder, name, NULL);
        make_layer(place, i);
        g_assert_cmpint(stat(place->paths[i], &st), ==, 0);
        layer->path = g_strdup(place->paths[i]);
        layer->format = g_strdup(i < N_LAYERS - 1 ? "qcow2" : "raw");
        layer->device = st.st_dev;
        layer->inode = st.st_ino;
        g_ptr_array_add(place->disk->layers, layer);
    }
    place->plan = sinter_disk_plan_new("vda");
    place->plan->offline = TRUE;
}

static void
place_tear_down(Place *place, gconstpointer data)
{
    for (guint i = 0; i < N_LAYERS; i++) {
        g_unlink(place->paths[i]);
        g_free(place->paths[i]);
    }
    g_rmdir(place->folder);
    g_free(place->folder);
    sinter_disk_free(place->disk);
    sinter_disk_plan_free(place->plan);
}

/* @base: N_LAYERS for what lies below all */
static void
set_plan(Place *place, SinterOperation operation, guint top, guint base)
{
    place->plan->operation = operation;
    g_free(place->plan->top_path);
    g_free(place->plan->base_path);
    place->plan->top_path = g_strdup(place->paths[top]);
    place->plan->base_path = base < N_LAYERS ? g_strdup(place->paths[base]) : NULL;
}

static SinterOfflineFiles *
must_open(Place *place)
{
    g_autoptr(GError) error = NULL;
    SinterOfflineFiles *files = sinter_offline_files_open(place->disk, place->plan, &error);

    g_assert_no_error(error);
    return files;
}

static void
assert_refuses(Place *place, SinterError code, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(sinter_offline_files_open(place->disk, place->plan, &error));
    g_assert_error(error, SINTER_ERROR, (int)code);
    if (!strstr(error->message, text))
        g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, text));
}

/* The flags of what the worker gets as descriptor @number. */
static int
get_flags(const SinterWorkerTask *task, guint number)
{
    g_assert_cmpuint(number, >, SINTER_WORKER_SOCKET_FD);
    return fcntl(g_array_index(task->fds, int, number - SINTER_WORKER_SOCKET_FD - 1), F_GETFL);
}

/* How each layer is open: w or r; the stretch as the worker is told; the format of the result. */
static void
test_table(Place *place, gconstpointer data)
{
    static const struct {
        SinterOperation operation;
        guint top;
        guint base;
        const char *modes;
        guint first;
        guint last;
        SinterWorkerDirection direction;
        const char *format;
    } table[] = {
        { SINTER_OPERATION_ACTIVE_COMMIT, 0, 3, "rrrw", 0, 3, SINTER_WORKER_DOWN, "raw" },
        { SINTER_OPERATION_ACTIVE_COMMIT, 0, 1, "rwrr", 0, 1, SINTER_WORKER_DOWN, "qcow2" },
        { SINTER_OPERATION_COMMIT, 1, 3, "wrrw", 1, 3, SINTER_WORKER_DOWN, "raw" },
        { SINTER_OPERATION_COMMIT, 2, 3, "rwrw", 2, 3, SINTER_WORKER_DOWN, "raw" },
        { SINTER_OPERATION_PULL, 0, 3, "wrrr", 0, 2, SINTER_WORKER_UP, "qcow2" },
        { SINTER_OPERATION_PULL, 0, 4, "wrrr", 0, 3, SINTER_WORKER_UP, "qcow2" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(SinterOfflineFiles) files = NULL;
        g_auto(SinterWorkerTask) task = { 0 };
        const SinterWorkerRequest *request;
        guint written = 0;

        set_plan(place, table[i].operation, table[i].top, table[i].base);
        files = must_open(place);
        sinter_offline_files_make_task(files, 77, &task);
        request = task.request;
        g_assert_cmpuint(request->files->len, ==, N_LAYERS);
        g_assert_cmpint(request->action, ==, SINTER_WORKER_MERGE);
        for (guint k = 0; k < N_LAYERS; k++) {
            const SinterWorkerFile *file = g_ptr_array_index(request->files, k);
            int mode = get_flags(&task, file->fd) & O_ACCMODE;

            g_assert_cmpint(mode, ==, table[i].modes[k] == 'w' ? O_RDWR : O_RDONLY);
            g_assert_cmpstr(file->path, ==, place->paths[k]);
            if (file->direct_fd == 0)
                continue;
            g_assert_cmpint(get_flags(&task, file->direct_fd) & O_DIRECT, ==, O_DIRECT);
            written = written ? G_MAXUINT : k;
        }
        /* what the merge writes to is passed once more, where the file system can */
        if (task.fds->len > N_LAYERS)
            g_assert_cmpuint(written, ==,
                             table[i].direction == SINTER_WORKER_UP ? table[i].first
                                                                    : table[i].last);
        g_assert_cmpuint(request->first, ==, table[i].first);
        g_assert_cmpuint(request->last, ==, table[i].last);
        g_assert_cmpint(request->direction, ==, table[i].direction);
        g_assert_cmpuint(request->bandwidth_bytes_per_sec, ==, 77);
        g_assert_cmpstr(sinter_offline_files_get_result_format(files), ==, table[i].format);
    }
}

static void
test_strange_plans(Place *place, gconstpointer data)
{
    set_plan(place, SINTER_OPERATION_COMMIT, 2, 1);
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, "has changed");
    set_plan(place, SINTER_OPERATION_PULL, 0, 1);
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, "has changed");
    set_plan(place, SINTER_OPERATION_ACTIVE_COMMIT, 0, 3);
    g_free(place->plan->base_path);
    place->plan->base_path = g_strdup("/elsewhere");
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, "'/elsewhere'");
}

/* What takes the name of a layer is not opened, whatever it is. */
static void
test_other_file(Place *place, gconstpointer data)
{
    g_autofree char *aside = g_strconcat(place->paths[1], ".aside", NULL);

    set_plan(place, SINTER_OPERATION_ACTIVE_COMMIT, 0, 3);
    g_assert_cmpint(g_rename(place->paths[1], aside), ==, 0);
    assert_refuses(place, SINTER_ERROR_NOT_FOUND, place->paths[1]);
    g_assert_true(g_file_set_contents(place->paths[1], "other", -1, NULL));
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, place->paths[1]);
    g_unlink(place->paths[1]);
    g_assert_cmpint(symlink("/etc/passwd", place->paths[1]), ==, 0);
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, place->paths[1]);
    g_unlink(place->paths[1]);
    g_assert_cmpint(mkfifo(place->paths[1], 0600), ==, 0); /* to open it would wait for a writer */
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, place->paths[1]);
    g_unlink(place->paths[1]);
    /* a link to the very file is as good as its name */
    g_assert_cmpint(symlink(aside, place->paths[1]), ==, 0);
    sinter_offline_files_free(must_open(place));
    g_unlink(aside);
}

/* A definition may hold a chain, which the headers must agree with. */
static void
test_headers(Place *place, gconstpointer data)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_ref(place->disk->layers);
    g_autofree char *alias = g_build_filename(place->folder, "alias", NULL);
    SinterOfflineFiles *files;
    g_auto(SinterWorkerTask) task = { 0 };

    set_plan(place, SINTER_OPERATION_ACTIVE_COMMIT, 0, 1);
    make_image(place->paths[1], "l3", "raw");
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, place->paths[3]);
    make_image(place->paths[1], NULL, NULL);
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, "is nothing");
    make_image(place->paths[1], "l2", "raw");
    assert_refuses(place, SINTER_ERROR_UNSUPPORTED, "rebase -u -F qcow2");
    /* another way to the same file: the worker is told the header's */
    g_assert_cmpint(symlink(place->paths[2], alias), ==, 0);
    make_image(place->paths[1], "alias", "qcow2");
    files = must_open(place);
    sinter_offline_files_make_task(files, 0, &task);
    g_assert_cmpstr(((SinterWorkerFile *)g_ptr_array_index(task.request->files, 2))->path, ==,
                    alias);
    sinter_offline_files_free(files);
    /* a chain that ends where the header goes on */
    g_ptr_array_set_size(layers, 2);
    assert_refuses(place, SINTER_ERROR_CHAIN_CHANGED, alias);
    g_unlink(alias);
}

static gboolean
can_be_locked(const char *path, gboolean alone)
{
    g_auto(SinterFd) fd = open(path, O_RDONLY | O_CLOEXEC);

    return sinter_lock_descriptor(fd, path, alone, NULL);
}

static void
test_locks_others_out(Place *place, gconstpointer data)
{
    SinterOfflineFiles *files;

    set_plan(place, SINTER_OPERATION_COMMIT, 2, 3);
    files = must_open(place);
    for (guint i = 0; i < N_LAYERS; i++)
        g_assert_false(can_be_locked(place->paths[i], TRUE));
    g_assert_true(can_be_locked(place->paths[0], FALSE)); /* read by us, and so by others */
    g_assert_false(can_be_locked(place->paths[1], FALSE));
    g_assert_true(can_be_locked(place->paths[2], FALSE));
    g_assert_false(can_be_locked(place->paths[3], FALSE));
    sinter_offline_files_free(files);
    for (guint i = 0; i < N_LAYERS; i++)
        g_assert_true(can_be_locked(place->paths[i], TRUE));
}

/* Any layer that somebody writes to stands in the way, and nothing stays locked then. */
static void
test_is_locked_out(Place *place, gconstpointer data)
{
    set_plan(place, SINTER_OPERATION_ACTIVE_COMMIT, 0, 3);
    for (guint i = 0; i < N_LAYERS; i++) {
        g_auto(SinterFd) fd = open(place->paths[i], O_RDONLY | O_CLOEXEC);

        g_assert_true(sinter_lock_descriptor(fd, place->paths[i], TRUE, NULL));
        assert_refuses(place, SINTER_ERROR_LOCKED, place->paths[i]);
        sinter_fd_clear(&fd);
        for (guint k = 0; k < N_LAYERS; k++)
            g_assert_true(can_be_locked(place->paths[k], TRUE));
    }
}

/* As virtlockd holds it for a domain. */
static void
test_lease(Place *place, gconstpointer data)
{
    g_auto(SinterFd) fd = open(place->paths[0], O_RDWR | O_CLOEXEC);
    struct flock lease = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

    set_plan(place, SINTER_OPERATION_ACTIVE_COMMIT, 0, 3);
    g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lease), ==, 0);
    assert_refuses(place, SINTER_ERROR_LOCKED, "virtlockd");
    sinter_fd_clear(&fd);
    sinter_offline_files_free(must_open(place));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func)                                                                           \
    g_test_add("/offline-files/" name, Place, NULL, place_set_up, func, place_tear_down)
    CASE("table", test_table);
    CASE("strange-plans", test_strange_plans);
    CASE("other-file", test_other_file);
    CASE("headers", test_headers);
    CASE("locks-others-out", test_locks_others_out);
    CASE("is-locked-out", test_is_locked_out);
    CASE("lease", test_lease);
#undef CASE
    return g_test_run();
}
