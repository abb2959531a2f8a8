/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files that the worker is passed. A file system that answers only the user that mounted it is
 * played by a filter that refuses to say what an open file is, in a process of its own.
 */

#include "sinter-worker-files.h"

#include "sinter-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char *path;
    SinterWorkerRequest *request; /* of that one file, passed twice */
} Place;

static void
place_set_up(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("sinter-worker-XXXXXX", &place->path, &error);

    g_assert_no_error(error);
    place->request = sinter_worker_request_new();
    sinter_worker_request_add_file(place->request, place->path, "raw", (guint)fd,
                                   (guint)open(place->path, O_RDWR | O_CLOEXEC));
}

static void
place_tear_down(Place *place, gconstpointer data)
{
    sinter_worker_request_free(place->request);
    g_unlink(place->path);
    g_free(place->path);
}

static guint
count_descriptors(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

static void
test_taken(Place *place, gconstpointer data)
{
    guint n = count_descriptors();
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterFs) fs = sinter_worker_files_take(place->request, &error);
    g_autoptr(SinterIo) io = NULL;

    g_assert_no_error(error);
    g_assert_cmpuint(count_descriptors(), ==, n); /* each in the place of one that was closed */
    g_assert_true(sinter_worker_files_check(fs, place->request, &error));
    io = sinter_fs_open(fs, place->path, SINTER_IO_WRITE, &error);
    g_assert_no_error(error);
}

static void
refuse_to_say(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    static const int calls[] = { SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx) };

    g_assert_nonnull(filter);
    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
        g_assert_cmpint(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), calls[i], 0), ==, 0);
    g_assert_cmpint(seccomp_load(filter), ==, 0);
    seccomp_release(filter);
}

static void
test_not_shown(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterFs) fs = NULL;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    fs = sinter_worker_files_take(place->request, &error);
    g_assert_no_error(error);
    refuse_to_say();
    g_assert_false(sinter_worker_files_check(fs, place->request, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
    g_assert_nonnull(strstr(error->message, place->path));
    g_assert_nonnull(strstr(error->message, "allow_other"));
    g_unlink(place->path);
    _exit(0);
}

/* Neither a name nor a descriptor that nobody has passed. */
static void
test_not_passed(Place *place, gconstpointer data)
{
    g_autoptr(SinterWorkerRequest) other = sinter_worker_request_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterFs) fs = sinter_worker_files_take(place->request, &error);

    g_assert_no_error(error);
    sinter_worker_request_add_file(other, "/nowhere", "raw", 1 << 20, 0);
    g_assert_false(sinter_worker_files_check(fs, other, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(sinter_worker_files_take(other, &error));
    g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func)                                                                           \
    g_test_add("/worker-files/" name, Place, NULL, place_set_up, func, place_tear_down)
    CASE("taken", test_taken);
    CASE("not-shown", test_not_shown);
    CASE("not-passed", test_not_passed);
#undef CASE
    return g_test_run();
}
