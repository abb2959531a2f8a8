/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An image with dirty bitmaps, in memory, and what is done to them. What is written to the disk is
 * recorded by those that are there.
 */

#include "bitmap-trial.h"
#include "io/sinter-fs-fault.h"
#include "qcow2/change/qcow2-bitmap-set.h"
#include "sinter/bitmap.h"
#include "sinter/create.h"
#include "sinter/resize.h"

#define DISK_BYTES (2 * 1024 * 1024)

/* @from: (nullable): where bitmaps to merge are, if not in the image itself */
static gboolean
act_from(SinterFs *fs, const char *name, const SinterBitmapAction *actions, gsize n,
         const char *from, GError **error)
{
    const SinterBitmapSource source = { .path = from, .format = "qcow2" };
    const SinterBitmapChange change = { .format = "qcow2",
                                        .name = name,
                                        .actions = actions,
                                        .n_actions = n,
                                        .from = from ? &source : NULL };
    gsize n_done;

    return sinter_bitmap_change(fs, "image", &change, &n_done, error);
}

static gboolean
act(SinterFs *fs, const char *name, const SinterBitmapAction *actions, gsize n, GError **error)
{
    return act_from(fs, name, actions, n, NULL, error);
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
merge_from_other(SinterFs *fs, GError **error)
{
    const SinterBitmapAction action = { SINTER_BITMAP_MERGE, 0, "far" };

    return act_from(fs, "one", &action, 1, "other", error);
}

static gboolean
disable(SinterFs *fs, GError **error)
{
    const SinterBitmapAction action = { SINTER_BITMAP_DISABLE, 0, NULL };

    return act(fs, "two", &action, 1, error);
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

/* without space for anything new */
static gboolean
remove_full(SinterFs *fs, GError **error)
{
    g_autoptr(SinterFs) full = sinter_fs_fault_new(fs);

    sinter_fs_fault_fill(full);
    return remove_one(full, error);
}

static gboolean
resize(SinterFs *fs, guint64 size, GError **error)
{
    const SinterResizeOptions how = { .size = size, .shrink = TRUE };

    return sinter_image_resize(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &how, error);
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
make_image(SinterFs *fs, const char *path, guint cluster_size)
{
    const SinterCreateOptions image = { .format = "qcow2",
                                        .cluster_size = cluster_size,
                                        .virtual_size = DISK_BYTES };

    g_assert_true(sinter_image_create(fs, path, &image, NULL));
}

static void
add_bitmap(SinterFs *fs, const char *path, const char *name)
{
    const SinterBitmapAction action = { SINTER_BITMAP_ADD, 512, NULL };
    const SinterBitmapChange change = {
        .format = "qcow2", .name = name, .actions = &action, .n_actions = 1
    };
    gsize n_done;

    g_assert_true(sinter_bitmap_change(fs, path, &change, &n_done, NULL));
}

static void
write_some(SinterFs *fs, const char *path, guint64 from, guint64 step)
{
    SinterHandle *handle = sinter_handle_open(fs, path, "qcow2", SINTER_HANDLE_DEFAULT, NULL);

    for (guint64 at = from; at < DISK_BYTES; at += step)
        g_assert_true(sinter_handle_write_at(handle, at, "dirty", 5, NULL));
    g_assert_true(sinter_handle_close(handle, NULL));
}

void
bitmap_trial_prepare(SinterFs *fs, const BitmapTrial *trial)
{
    make_image(fs, "image", trial->cluster_size);
    if (!trial->has_bitmaps)
        return;
    add_bitmap(fs, "image", "one");
    write_some(fs, "image", 3000, 300000);
    add_bitmap(fs, "image", "two");
    write_some(fs, "image", DISK_BYTES / 2, 100000);
    make_image(fs, "other", 65536);
    add_bitmap(fs, "other", "far");
    write_some(fs, "other", 7000, 250000);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp((*(SinterQcow2BitmapEdit *const *)a)->stored->name,
                  (*(SinterQcow2BitmapEdit *const *)b)->stored->name);
}

char *
bitmap_trial_describe(SinterFs *fs, guint *ret_n_distrusted)
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
    /* their order has no meaning */
    g_ptr_array_sort(set->list, compare_names);
    out = g_string_new(NULL);
    g_string_printf(out, "%" G_GUINT64_FORMAT ":", header->virtual_size_bytes);
    for (guint i = 0; i < set->list->len; i++) {
        const SinterQcow2Bitmap *stored =
            ((SinterQcow2BitmapEdit *)g_ptr_array_index(set->list, i))->stored;
        guint64 n = sinter_qcow2_bitmap_set_n_entries(set, stored);
        g_autofree guint8 *bits = NULL;
        g_autofree char *sum = NULL;

        if (stored->flags & SINTER_QCOW2_BITMAP_IN_USE) {
            (*ret_n_distrusted)++;
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

/*
 * Idle flushes: that of the header which names the new directory, where space of the old one is
 * given back at once, which begins with a flush, and around counts that go down, which may do so at
 * any time; and those of a resize (test-crash-resize.c).
 */
const BitmapTrial bitmap_trials[] = {
    { "bitmap-first", 65536, FALSE, add, FALSE, 0 },
    { "bitmap-first-in-one-sector", 512, FALSE, add, FALSE, 0 },
    { "bitmap-third", 4096, TRUE, add, FALSE, 1 },
    { "bitmap-merge", 512, TRUE, merge, FALSE, 1 },
    { "bitmap-merge-from-other", 4096, TRUE, merge_from_other, FALSE, 1 },
    { "bitmap-disable", 4096, TRUE, disable, FALSE, 1 },
    { "bitmap-clear", 4096, TRUE, clear, FALSE, 1 },
    { "bitmap-remove", 512, TRUE, remove_one, FALSE, 1 },
    { "bitmap-remove-full", 512, TRUE, remove_full, TRUE, 3 },
    { "bitmap-grow", 512, TRUE, grow, TRUE, 2 },
    { "bitmap-shrink", 512, TRUE, shrink, TRUE, 7 },
};

const gsize n_bitmap_trials = G_N_ELEMENTS(bitmap_trials);
