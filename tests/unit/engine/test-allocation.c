/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Memory whose size an image says may be refused: each such request fails once, on its own and for
 * good, while an image is opened, read and checked. What comes of it is an error, no crash
 * and no leak. The linker hands this program the engine's calls (--wrap); small, fixed requests are
 * GLib's, which ends a program without memory.
 */

#include "qcow2-build.h"
#include "sinter-error.h"
#include "sinter/chain.h"
#include "sinter/check.h"

#include <string.h>

#define PATH "/image"
#define CLUSTER 65536

static gint n_requests; /* atomic */
static gint fails_at;   /* the request that is refused; 0: none */
static gboolean fails_on;

static gboolean
is_refused(void)
{
    gint n = g_atomic_int_add(&n_requests, 1) + 1;

    return fails_at > 0 && (n == fails_at || (fails_on && n > fails_at));
}

#define WRAP(name, params, args)                                                                   \
    gpointer __real_##name params;                                                                 \
    gpointer __wrap_##name params;                                                                 \
    gpointer __wrap_##name params                                                                  \
    {                                                                                              \
        return is_refused() ? NULL : __real_##name args;                                           \
    }

WRAP(g_try_malloc, (gsize n), (n))
WRAP(g_try_malloc0, (gsize n), (n))
WRAP(g_try_malloc_n, (gsize n, gsize size), (n, size))
WRAP(g_try_malloc0_n, (gsize n, gsize size), (n, size))

static void
fail(gint nth, gboolean on)
{
    g_atomic_int_set(&n_requests, 0);
    fails_at = nth;
    fails_on = on;
}

/* Two L2 tables, a snapshot, compressed data, a bitmap. */
static void
make_image(SinterFs *fs)
{
    Build build;
    guint64 directory;
    guint64 table;

    build_begin(&build, fs, PATH, &(BuildOptions){ .virtual_size = 1024 * 1024 * 1024 });
    build_map(&build, 0, (SinterQcow2L2Entry){ build_data(&build, 1), 0 });
    build_map(&build, 640 * 1024 * 1024, (SinterQcow2L2Entry){ build_data(&build, 2), 0 });
    build_map(&build, CLUSTER, build_compressed(&build, 3));
    directory = build_take(&build, 1);
    table = build_take(&build, 1);
    build_poke64(&build, SINTER_QCOW2_AT_AUTOCLEAR, SINTER_QCOW2_AUTOCLEAR_BITMAPS);
    build_poke32(&build, 112, SINTER_QCOW2_EXT_BITMAPS);
    build_poke32(&build, 116, SINTER_QCOW2_EXT_BITMAPS_BYTES);
    build_poke32(&build, 120, 1);
    build_poke64(&build, 128, 32);
    build_poke64(&build, 136, directory);
    build_poke64(&build, directory, table);
    build_poke32(&build, directory + 8, 1);
    build_poke(&build, directory + 16, "\1\20\0\1\0\0\0\0m", 9);
    build_snapshot(&build);
    sinter_io_lock(build.io, SINTER_IO_LOCK_NONE, NULL);
    build_end(&build);
}

static gboolean
open_and_read(SinterFs *fs, GError **error)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow2" };
    g_autoptr(SinterChain) chain = sinter_chain_open(PATH, &options, error);
    guint8 buf[2 * CLUSTER];

    return chain && sinter_chain_read(chain, 0, buf, sizeof buf, error) &&
           sinter_chain_read(chain, 640 * 1024 * 1024, buf, CLUSTER, error);
}

static gboolean
open_snapshot(SinterFs *fs, GError **error)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow2", .snapshot = "s" };
    g_autoptr(SinterChain) chain = sinter_chain_open(PATH, &options, error);

    return chain != NULL;
}

static gboolean
check_with(SinterFs *fs, SinterCheckFlags flags, GError **error)
{
    SinterCheckOptions options = { .flags = flags, .n_threads = 2 };
    g_autoptr(SinterCheckResult) result = sinter_image_check(fs, PATH, "qcow2", &options, error);

    return result != NULL;
}

static gboolean
check_plainly(SinterFs *fs, GError **error)
{
    return check_with(fs, SINTER_CHECK_DEFAULT, error);
}

static gboolean
check_deeply(SinterFs *fs, GError **error)
{
    return check_with(fs, SINTER_CHECK_DEEP | SINTER_CHECK_KEEP_GOING | SINTER_CHECK_SNAPSHOT_STATS,
                      error);
}

typedef gboolean (*Operation)(SinterFs *fs, GError **error);

static void
test_each_request(gconstpointer data)
{
    Operation operation = *(const Operation *)data;
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GError) error = NULL;
    gint n;

    make_image(fs);
    fail(0, FALSE);
    g_assert_true(operation(fs, &error));
    g_assert_no_error(error);
    n = g_atomic_int_get(&n_requests);
    g_assert_cmpint(n, >, 0);
    for (gint nth = 1; nth <= n; nth++) {
        for (gint on = 0; on < 2; on++) {
            fail(nth, on);
            if (operation(fs, &error)) {
                g_assert_no_error(error);
            } else {
                g_assert_error(error, SINTER_ERROR, SINTER_ERROR_FAILED);
                g_assert_nonnull(strstr(error->message, "memory"));
            }
            g_clear_error(&error);
        }
    }
    fail(0, FALSE);
    g_assert_true(operation(fs, &error));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        Operation operation;
    } table[] = {
        { "/allocation/open", open_and_read },
        { "/allocation/snapshot", open_snapshot },
        { "/allocation/check", check_plainly },
        { "/allocation/check-deep", check_deeply },
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
        g_test_add_data_func(table[i].name, &table[i].operation, test_each_request);
    return g_test_run();
}
