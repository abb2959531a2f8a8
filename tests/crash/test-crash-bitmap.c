/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Dirty bitmaps changed, and carried along when the disk gets another size, cut at every moment:
 * all of the old bitmaps or all of the new ones, bit for bit, or, on the way to another size, some
 * that say that they are not to be trusted. No cluster of them counts too little.
 */

#include "crash-harness.h"
#include "crash-qemu.h"
#include "qcow2/qcow2-bitmap-set.h"
#include "sinter-error.h"
#include "sinter/bitmap.h"
#include "sinter/check.h"
#include "sinter/create.h"
#include "sinter/resize.h"

#include <string.h>

#define DISK_BYTES (2 * 1024 * 1024)

typedef struct {
    const char *name;
    guint cluster_size;
    gboolean has_bitmaps;
    gboolean (*run)(SinterFs *fs, GError **error);
    gboolean may_distrust; /* bitmaps may be in use when it is cut */
    guint n_idle;          /* flushes that part nothing */
} Trial;

static gboolean
act(SinterFs *fs, const char *name, const SinterBitmapAction *actions, gsize n, GError **error)
{
    gsize n_done;

    return sinter_bitmap_change(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, name, actions, n, NULL,
                                &n_done, error);
}

static gboolean
add(SinterFs *fs, GError **error)
{
    const SinterBitmapAction action = { SINTER_BITMAP_ADD, 512, NULL };

    return act(fs, "new", &action, 1, error);
}

static gboolean
merge(SinterFs *fs, GError **error)
{
    const SinterBitmapAction actions[] = { { SINTER_BITMAP_DISABLE, 0, NULL },
                                           { SINTER_BITMAP_MERGE, 0, "two" } };

    return act(fs, "one", actions, G_N_ELEMENTS(actions), error);
}

static gboolean
clear(SinterFs *fs, GError **error)
{
    const SinterBitmapAction action = { SINTER_BITMAP_CLEAR, 0, NULL };

    return act(fs, "one", &action, 1, error);
}

static gboolean
remove_one(SinterFs *fs, GError **error)
{
    const SinterBitmapAction action = { SINTER_BITMAP_REMOVE, 0, NULL };

    return act(fs, "one", &action, 1, error);
}

static gboolean
resize(SinterFs *fs, guint64 size, GError **error)
{
    return sinter_image_resize(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, size,
                               SINTER_PREALLOCATION_OFF, TRUE, error);
}

static gboolean
grow(SinterFs *fs, GError **error)
{
    return resize(fs, 3 * DISK_BYTES, error);
}

static gboolean
shrink(SinterFs *fs, GError **error)
{
    return resize(fs, DISK_BYTES / 3 / 512 * 512, error);
}

static void
write_some(SinterFs *fs, guint64 from, guint64 step)
{
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);

    for (guint64 at = from; at < DISK_BYTES; at += step)
        g_assert_true(sinter_handle_write_at(handle, at, "dirty", 5, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
prepare(SinterFs *fs, const Trial *trial)
{
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = trial->cluster_size,
                                        .virtual_size = DISK_BYTES };
    const SinterBitmapAction action = { SINTER_BITMAP_ADD, 512, NULL };

    g_assert_true(sinter_image_create(fs, "image", &image, NULL));
    if (!trial->has_bitmaps)
        return;
    g_assert_true(act(fs, "one", &action, 1, NULL));
    write_some(fs, 3000, 300000);
    g_assert_true(act(fs, "two", &action, 1, NULL));
    write_some(fs, DISK_BYTES / 2, 100000);
}

/* The bitmaps in words: names, flags, bits. @trusted_only: without those that are in use. */
static char *
describe(SinterFs *fs, gboolean *ret_distrusted)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterQcow2BitmapSet) set = NULL;
    GString *out;

    if (!sinter_qcow2_header_require_usable(header, &error))
        return g_strdup(error->message);
    set = sinter_qcow2_bitmap_set_load(io, header, &error);
    if (!set)
        return g_strdup(error->message);
    out = g_string_new(NULL);
    g_string_printf(out, "%" G_GUINT64_FORMAT ":", header->virtual_size_bytes);
    for (guint i = 0; i < set->list->len; i++) {
        const SinterQcow2Bitmap *stored =
            ((SinterQcow2BitmapEdit *)g_ptr_array_index(set->list, i))->stored;
        guint64 n = sinter_qcow2_bitmap_set_n_entries(set, stored);
        g_autofree guint8 *bits = NULL;
        g_autofree char *sum = NULL;

        if (stored->flags & SINTER_QCOW2_BITMAP_IN_USE) {
            *ret_distrusted = TRUE;
            continue;
        }
        bits = sinter_qcow2_bitmap_load_bits(io, &header->geo, stored, n, &error);
        sum = bits
                  ? g_compute_checksum_for_data(G_CHECKSUM_MD5, bits, n << header->geo.cluster_bits)
                  : g_strdup(error->message);
        g_clear_error(&error);
        g_string_append_printf(out, " %s %u %s", stored->name, stored->flags, sum);
    }
    return g_string_free(out, FALSE);
}

typedef struct {
    const Trial *trial;
    char *before;
    char *after;
    guint log_end_all;
} Moment;

static char *
check_state(SinterFs *fs, guint log_end, gpointer data)
{
    const Moment *self = data;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterCheckResult) result = sinter_image_check_io(io, "qcow2", NULL, &error);
    gboolean distrusted = FALSE;
    g_autofree char *found = NULL;

    if (!result)
        return g_strdup(error->message);
    if (result->counts.corruptions || result->counts.errors)
        return g_strdup("the image is corrupt");
    found = describe(fs, &distrusted);
    if (strcmp(found, self->after) == 0 ||
        (log_end < self->log_end_all &&
         (strcmp(found, self->before) == 0 || (self->trial->may_distrust && distrusted))))
        return NULL;
    return g_strdup_printf("bitmaps: %s; before: %s; after: %s", found, self->before, self->after);
}

static void
test_trial(gconstpointer data)
{
    const Trial *trial = data;
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    static const char *const files[] = { "image", NULL };
    CrashOptions options = { .skip_flush = G_MAXUINT, .thorough = TRUE, .seed = g_test_rand_int() };
    g_autoptr(GError) error = NULL;
    Moment moment = { .trial = trial };
    gboolean distrusted = FALSE;
    guint n_idle = 0;
    CrashBase base;
    CrashCount count;

    prepare(memory, trial);
    moment.before = describe(memory, &distrusted);
    crash_base_init(&base, memory, files);
    trial->run(record, &error);
    g_assert_no_error(error);
    moment.after = describe(memory, &distrusted);
    g_assert_false(distrusted);
    moment.log_end_all = sinter_fs_record_get_log(record)->len;
    count =
        crash_explore(&base, sinter_fs_record_get_log(record), 0, &options, check_state, &moment);
    crash_say_count(trial->name, count.states, count.violations);
    g_assert_cmpstr(count.first, ==, NULL);
    options.thorough = FALSE;
    for (options.skip_flush = 0; options.skip_flush < count.flushes; options.skip_flush++) {
        CrashCount without = crash_explore(&base, sinter_fs_record_get_log(record), 0, &options,
                                           check_state, &moment);

        g_test_message("without flush %u: %s", options.skip_flush,
                       without.first ? without.first : "no damage");
        n_idle += without.first == NULL;
        g_free(without.first);
    }
    g_assert_cmpuint(n_idle, <=, trial->n_idle);
    crash_base_clear(&base);
    g_free(moment.before);
    g_free(moment.after);
}

/*
 * Idle flushes: that of the header which names the new directory, where space of the old one is
 * given back at once, which begins with a flush; and those of a resize (test-crash-resize.c).
 */
static const Trial trials[] = {
    { "bitmap-first", 65536, FALSE, add, FALSE, 0 },
    { "bitmap-first-in-one-sector", 512, FALSE, add, FALSE, 0 },
    { "bitmap-third", 4096, TRUE, add, FALSE, 1 },
    { "bitmap-merge", 512, TRUE, merge, FALSE, 1 },
    { "bitmap-clear", 4096, TRUE, clear, FALSE, 1 },
    { "bitmap-remove", 512, TRUE, remove_one, FALSE, 1 },
    { "bitmap-grow", 512, TRUE, grow, TRUE, 2 },
    { "bitmap-shrink", 512, TRUE, shrink, TRUE, 6 },
};

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(trials); i++) {
        g_autofree char *path = g_strdup_printf("/crash/%s", trials[i].name);

        g_test_add_data_func(path, &trials[i], test_trial);
    }
    return g_test_run();
}
