/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files that were passed as descriptors: what can be done with them is what the descriptors allow,
 * no name is followed (the cases remove them all before they begin), and a lock is shared with
 * whoever passed the file.
 */

#include "io/sinter-io.h"
#include "sinter-error.h"
#include "sinter-file.h"
#include "sinter/chain.h"
#include "sinter/create.h"
#include "sinter/handle.h"
#include "sinter/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define DISK_BYTES (1024 * 1024)

typedef struct {
    char *folder;
    char *base;
    char *top;
    SinterFd base_fd;
    SinterFd top_fd;
    SinterFs *fs; /* of the two */
} Place;

static void
make_image(const char *path, const SinterCreateOptions *options, guint64 offset, guint8 byte)
{
    g_autoptr(GError) error = NULL;
    guint8 data[4096];
    SinterHandle *handle;

    memset(data, byte, sizeof data);
    sinter_image_create(NULL, path, options, &error);
    g_assert_no_error(error);
    handle = sinter_handle_open(NULL, path, options->format, SINTER_HANDLE_DEFAULT, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_handle_write_at(handle, offset, data, sizeof data, &error));
    g_assert_true(sinter_handle_close(handle, &error));
}

static void
place_set_up(Place *place, gconstpointer data)
{
    const SinterCreateOptions base = { .format = "qcow2", .virtual_size = DISK_BYTES };
    const SinterCreateOptions top = { .format = "qcow2",
                                      .virtual_size = DISK_BYTES,
                                      .backing_name = "../images/./base.qcow2",
                                      .backing_format = "qcow2" };
    g_autoptr(GError) error = NULL;
    g_autofree char *parent = g_dir_make_tmp("sinter-fd-XXXXXX", &error);

    g_assert_no_error(error);
    place->folder = g_build_filename(parent, "images", NULL);
    g_assert_cmpint(g_mkdir(place->folder, 0700), ==, 0);
    place->base = g_build_filename(place->folder, "base.qcow2", NULL);
    place->top = g_build_filename(place->folder, "top.qcow2", NULL);
    make_image(place->base, &base, 0, 0x11);
    make_image(place->top, &top, 65536, 0x22);
    place->base_fd = open(place->base, O_RDWR | O_CLOEXEC);
    place->top_fd = open(place->top, O_RDONLY | O_CLOEXEC);
    place->fs = sinter_fs_new_descriptors(GPOINTER_TO_UINT(data));
    sinter_fs_add_descriptor(place->fs, place->base, place->base_fd, &error);
    g_assert_no_error(error);
    sinter_fs_add_descriptor(place->fs, place->top, place->top_fd, &error);
    g_assert_no_error(error);
}

static void
remove_names(Place *place)
{
    g_autofree char *parent = g_path_get_dirname(place->folder);

    g_unlink(place->base);
    g_unlink(place->top);
    g_rmdir(place->folder);
    g_rmdir(parent);
}

static void
place_tear_down(Place *place, gconstpointer data)
{
    remove_names(place);
    sinter_fs_unref(place->fs);
    sinter_fd_clear(&place->base_fd);
    sinter_fd_clear(&place->top_fd);
    g_free(place->folder);
    g_free(place->base);
    g_free(place->top);
}

static void
test_chain(Place *place, gconstpointer data)
{
    const SinterChainOptions options = { .fs = place->fs, .format = "qcow2" };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = NULL;
    guint8 byte = 0;

    remove_names(place);
    chain = sinter_chain_open(place->top, &options, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sinter_chain_get_n_layers(chain), ==, 2);
    g_assert_true(sinter_chain_read(chain, 0, &byte, 1, &error));
    g_assert_cmpuint(byte, ==, 0x11);
    g_assert_true(sinter_chain_read(chain, 65536, &byte, 1, &error));
    g_assert_cmpuint(byte, ==, 0x22);
}

static void
test_write(Place *place, gconstpointer data)
{
    const SinterChainOptions options = { .fs = place->fs, .format = "qcow2" };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = NULL;
    SinterHandle *handle;
    guint8 byte = 0x33;

    remove_names(place);
    handle = sinter_handle_open(place->fs, place->base, "qcow2", SINTER_HANDLE_DEFAULT, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_handle_write_at(handle, 131072, &byte, 1, &error));
    g_assert_true(sinter_handle_close(handle, &error));
    chain = sinter_chain_open(place->top, &options, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_chain_read(chain, 131072, &byte, 1, &error));
    g_assert_cmpuint(byte, ==, 0x33);
}

/* What is written in bulk goes through the further descriptor; it must be the same file's. */
static void
test_direct(Place *place, gconstpointer data)
{
    const gsize n = 128 * 1024;
    int fd = open(place->base, O_RDWR | O_DIRECT | O_CLOEXEC);
    int other = open(place->top, O_RDONLY | O_CLOEXEC);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = NULL;
    guint8 *bulk = g_aligned_alloc(2, n, 4096);

    if (fd < 0) /* not on each file system; which way is taken can be told all the same */
        fd = open(place->base, O_RDWR | O_CLOEXEC);
    g_assert_false(sinter_fs_add_direct_descriptor(place->fs, place->base, other, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(sinter_fs_add_direct_descriptor(place->fs, "/nowhere", fd, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_true(sinter_fs_add_direct_descriptor(place->fs, place->base, fd, &error));
    g_assert_false(sinter_fs_add_direct_descriptor(place->fs, place->base, fd, NULL));
    close(fd);
    remove_names(place);
    io = sinter_fs_open(place->fs, place->base, SINTER_IO_WRITE, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_io_overwrites(io));
    memset(bulk, 'b', n);
    g_assert_true(sinter_io_overwrite(io, 1024 * 1024, bulk, n, &error));
    g_assert_true(sinter_io_read(io, 1024 * 1024, bulk + n, n, &error));
    g_assert_cmpmem(bulk, n, bulk + n, n);
    close(other);
    g_aligned_free(bulk);
}

static void
assert_refuses(SinterFs *fs, const char *path, SinterIoFlags flags, SinterError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(sinter_fs_open(fs, path, flags, &error));
    g_assert_error(error, SINTER_ERROR, (int)code);
    g_assert_nonnull(strstr(error->message, path));
}

static void
test_no_more_than_was_passed(Place *place, gconstpointer data)
{
    g_autofree char *other = g_build_filename(place->folder, "other", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(other, "x", 1, NULL));
    assert_refuses(place->fs, other, SINTER_IO_READ, SINTER_ERROR_NOT_FOUND);
    assert_refuses(place->fs, other, SINTER_IO_CREATE, SINTER_ERROR_UNSUPPORTED);
    assert_refuses(place->fs, place->base, SINTER_IO_CREATE, SINTER_ERROR_UNSUPPORTED);
    assert_refuses(place->fs, place->top, SINTER_IO_WRITE, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_false(sinter_fs_remove(place->fs, place->base, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    g_assert_false(sinter_fs_rename(place->fs, place->base, other, TRUE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    g_assert_true(sinter_fs_sync_folder(place->fs, place->base, &error));
    g_assert_true(g_file_test(place->base, G_FILE_TEST_EXISTS));
    g_unlink(other);
}

static void
test_adding(Place *place, gconstpointer data)
{
    g_autofree char *again = g_build_filename(place->folder, ".", "base.qcow2", NULL);
    const struct {
        const char *path;
        int fd;
        SinterError code;
    } table[] = {
        { "base.qcow2", place->base_fd, SINTER_ERROR_INVALID_ARGUMENT },
        { again, place->base_fd, SINTER_ERROR_INVALID_ARGUMENT },
        { "/somewhere", -1, SINTER_ERROR_FAILED },
        { "/somewhere", 1 << 20, SINTER_ERROR_FAILED },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(sinter_fs_add_descriptor(place->fs, table[i].path, table[i].fd, &error));
        g_assert_error(error, SINTER_ERROR, (int)table[i].code);
    }
}

static gboolean
can_be_locked(const char *path)
{
    g_auto(SinterFd) fd = open(path, O_RDWR | O_CLOEXEC);
    g_autoptr(GError) error = NULL;
    gboolean free = sinter_lock_descriptor(fd, path, TRUE, &error);

    g_assert_true(free || g_error_matches(error, SINTER_ERROR, SINTER_ERROR_LOCKED));
    return free;
}

/* What one of the two has locked is no conflict for the other, and lasts while either is there. */
static void
test_locks(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = NULL;

    g_assert_true(can_be_locked(place->base));
    g_assert_true(sinter_lock_descriptor(place->base_fd, place->base, TRUE, &error));
    io = sinter_fs_open(place->fs, place->base, SINTER_IO_WRITE, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_io_lock(io, SINTER_IO_LOCK_ALONE, &error));
    g_assert_false(can_be_locked(place->base));
    g_clear_pointer(&io, sinter_io_unref);
    g_assert_false(can_be_locked(place->base));
    g_clear_pointer(&place->fs, sinter_fs_unref);
    g_assert_false(can_be_locked(place->base));
    sinter_fd_clear(&place->base_fd);
    g_assert_true(can_be_locked(place->base));
}

/* What is locked already is left so by all that happens here: nothing is taken, nor let go. */
static void
test_no_locks(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(place->fs, place->base, SINTER_IO_WRITE, &error);

    g_assert_no_error(error);
    g_assert_true(sinter_io_lock(io, SINTER_IO_LOCK_ALONE, &error));
    g_assert_true(can_be_locked(place->base));
    g_assert_true(sinter_lock_descriptor(place->base_fd, place->base, TRUE, &error));
    g_assert_true(sinter_io_lock(io, SINTER_IO_LOCK_NONE, &error));
    g_assert_false(can_be_locked(place->base));
    g_clear_pointer(&io, sinter_io_unref);
    test_write(place, data);
}

/* A file that was passed empty is created once, and then is a file like the others. */
static void
test_new(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_auto(SinterFd) fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterIo) again = NULL;
    char text[4] = "";

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(sinter_fs_add_new_descriptor(place->fs, "/undo", fd, &error));
    g_assert_null(sinter_fs_open(place->fs, "/undo", SINTER_IO_READ, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_clear_error(&error);
    io = sinter_fs_open(place->fs, "/undo", SINTER_IO_CREATE, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_io_write(io, 0, "new", 4, &error));
    g_assert_null(sinter_fs_open(place->fs, "/undo", SINTER_IO_CREATE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    again = sinter_fs_open(place->fs, "/undo", SINTER_IO_READ, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_io_read(again, 0, text, sizeof text, &error));
    g_assert_cmpstr(text, ==, "new");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func)                                                                           \
    g_test_add("/fs-descriptor/" name, Place, NULL, place_set_up, func, place_tear_down)
    CASE("chain", test_chain);
    CASE("write", test_write);
    CASE("direct", test_direct);
    CASE("no-more-than-was-passed", test_no_more_than_was_passed);
    CASE("adding", test_adding);
    CASE("locks", test_locks);
    CASE("new", test_new);
    g_test_add("/fs-descriptor/no-locks", Place, GUINT_TO_POINTER(SINTER_IO_NO_LOCK), place_set_up,
               test_no_locks, place_tear_down);
#undef CASE
    return g_test_run();
}
