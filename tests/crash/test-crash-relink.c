/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A header that comes to name another backing file, cut at every moment: it names the former one
 * or the new one, and everything else that it said it still says. The feature names, which are for
 * people only, may be missing in between, and are there in the end.
 */

#include "crash-harness.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/change/qcow2-relink.h"
#include "sinter-error.h"
#include "sinter/create.h"

#include <string.h>

typedef struct {
    const char *name; /* NULL: none */
    const char *format;
} Link;

/* One after the other, from what the image was made with. */
static const Link links[] = {
    { "mid.qcow2", "qcow2" },
    { "another-base.raw", "raw" },
    { NULL, NULL },
    { "b", "raw" },
    { "/srv/images/some/longer/path/to/a/base/image/that/takes/its/bytes/1.qcow2", "qcow2" },
    { "/srv/images/some/longer/path/to/a/base/image/that/takes/its/bytes/2.qcow2", "qcow2" },
    { "b", "long-format-15b" },
};

typedef struct {
    const char *name;
    SinterCreateOptions options;
} Shape;

static const Shape shapes[] = {
    { "512", { .cluster_size = 512 } },
    { "1k", { .cluster_size = 1024 } },
    { "4k-v2", { .cluster_size = 4096, .version = 2 } },
    { "16k-ext", { .cluster_size = 16384, .extended_l2 = TRUE } },
    { "64k", { .cluster_size = 65536 } },
    { "64k-data", { .cluster_size = 65536, .data_file_name = "data" } },
};

typedef struct {
    Link from;
    Link to;
    SinterQcow2Header *before;
} Moment;

static gboolean
header_is(const SinterQcow2Header *header, const Link *link)
{
    return g_strcmp0(header->backing_name, link->name) == 0 &&
           g_strcmp0(header->backing_format, link->format) == 0;
}

static char *
check_rest(const SinterQcow2Header *header, const SinterQcow2Header *before)
{
    if (header->virtual_size_bytes != before->virtual_size_bytes ||
        header->l1_offset != before->l1_offset || header->l1_entries != before->l1_entries ||
        header->reftable_offset != before->reftable_offset ||
        header->incompatible != before->incompatible || header->compatible != before->compatible ||
        header->header_bytes != before->header_bytes ||
        g_strcmp0(header->data_file_name, before->data_file_name) != 0)
        return g_strdup("a field changed");
    if (header->problems->len > 0)
        return g_strdup(g_array_index(header->problems, SinterQcow2Problem, 0).text);
    return NULL;
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer user_data)
{
    const Moment *moment = user_data;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, &error);

    if (!header)
        return g_strdup(error->message);
    if (!header_is(header, &moment->from) && !header_is(header, &moment->to))
        return g_strdup_printf("it names '%s' of format '%s'", header->backing_name,
                               header->backing_format);
    return check_rest(header, moment->before);
}

static CrashCount
explore(SinterFs *memory, SinterFs *record, Moment *moment, guint skip_flush)
{
    static const char *const paths[] = { "image", NULL };
    CrashOptions options = { .skip_flush = skip_flush, .thorough = TRUE, .seed = 1 };
    g_autoptr(SinterIo) io = sinter_fs_open(record, "image", SINTER_IO_WRITE, NULL);
    guint from = sinter_fs_record_get_log(record)->len;
    g_autoptr(GError) error = NULL;
    CrashBase base;
    CrashCount count;

    crash_base_init(&base, memory, paths);
    moment->before = sinter_qcow2_header_read(io, NULL);
    sinter_qcow2_relink(io, moment->to.name, moment->to.format, &error);
    g_assert_no_error(error);
    count =
        crash_explore(&base, sinter_fs_record_get_log(record), from, &options, check_state, moment);
    g_clear_pointer(&moment->before, sinter_qcow2_header_free);
    crash_base_clear(&base);
    return count;
}

static void
make_image(SinterFs *fs, const Shape *shape)
{
    SinterCreateOptions options = shape->options;
    g_autoptr(GError) error = NULL;

    options.format = "qcow2";
    options.virtual_size = 1 << 20;
    options.backing_name = "base.raw";
    options.backing_format = "raw";
    sinter_image_create(fs, "image", &options, &error);
    g_assert_no_error(error);
}

static void
check_end(SinterFs *fs, const Link *link, guint n_features)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);

    g_assert_true(header_is(header, link));
    g_assert_cmpuint(header->features->len, ==, n_features);
}

static guint
count_features(SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);

    return header->features->len;
}

static void
test_states(gconstpointer data)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    Moment moment = { .to = { "base.raw", "raw" } };
    guint n_features;

    make_image(memory, data);
    n_features = count_features(memory);
    for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
        CrashCount count;

        moment.from = moment.to;
        moment.to = links[i];
        count = explore(memory, record, &moment, G_MAXUINT);
        g_test_message("to %s: %" G_GUINT64_FORMAT " states, %" G_GUINT64_FORMAT " lost",
                       links[i].name ? links[i].name : "none", count.states, count.violations);
        g_assert_cmpstr(count.first, ==, NULL);
        g_assert_cmpuint(count.states, >, 1);
        check_end(memory, &links[i], n_features);
    }
}

/* The name goes to a place of its own before the first sector points there. */
static void
test_teeth(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    Moment moment = { .from = { "base.raw", "raw" }, .to = { "base-2.raw", "raw" } };
    CrashCount count;

    make_image(memory, &shapes[G_N_ELEMENTS(shapes) - 2]);
    count = explore(memory, record, &moment, 0);
    g_test_message("without the flush: %s", count.first);
    g_assert_cmpuint(count.violations, >, 0);
    g_free(count.first);
}

static void
test_no_room(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strnfill(500, 'x');
    g_autofree char *longest = g_strnfill(1024, 'x');

    make_image(memory, &shapes[0]);
    io = sinter_fs_open(memory, "image", SINTER_IO_WRITE, NULL);
    g_assert_false(sinter_qcow2_relink(io, name, "raw", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
    g_clear_error(&error);
    g_assert_false(sinter_qcow2_relink(io, longest, "raw", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/crash/relink/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_states);
    }
    g_test_add_func("/crash/relink/teeth", test_teeth);
    g_test_add_func("/crash/relink/no-room", test_no_room);
    return g_test_run();
}
