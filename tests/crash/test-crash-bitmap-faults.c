/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Dirty bitmaps changed on storage that fails: each call once, in every way, and each from one call
 * on. Done is never said of what was not stored; whatever fails, the disk shows what it did, and
 * the bitmaps are all of the old ones or all of the new ones, bit for bit, or, on the way to
 * another size, all there with some that say that they are not to be trusted. The same change,
 * asked for again, ends well.
 */

#include "bitmap-trial.h"
#include "io/sinter-fs-fault.h"
#include "sinter/chain.h"
#include "sinter/check.h"

#include <string.h>

/* Calls by which what is to be stored is stored: where one fails, that is not done. */
#define STORING                                                                                    \
    (SINTER_FAULT_WRITE | SINTER_FAULT_FLUSH | SINTER_FAULT_TRUNCATE | SINTER_FAULT_ALLOCATE)

typedef struct {
    SinterFaultCalls calls;
    SinterFaultKind kind;
    gboolean lasting;
} Failing;

/* What a trial makes when nothing fails. */
typedef struct {
    const BitmapTrial *trial;
    char *before;
    char *after;
    GBytes *disk;
} Outcome;

static GBytes *
read_disk(SinterFs *fs)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow2" };
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, NULL);
    gsize size = (gsize)sinter_chain_get_virtual_size(chain);
    guint8 *content = g_malloc(size);

    g_assert_true(sinter_chain_read(chain, 0, content, size, NULL));
    return g_bytes_new_take(content, size);
}

static void
outcome_init(Outcome *self, const BitmapTrial *trial)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GError) error = NULL;
    guint n_distrusted = 0;

    self->trial = trial;
    bitmap_trial_prepare(fs, trial);
    self->before = bitmap_trial_describe(fs, &n_distrusted);
    self->disk = read_disk(fs);
    trial->run(fs, &error);
    g_assert_no_error(error);
    self->after = bitmap_trial_describe(fs, &n_distrusted);
    g_assert_cmpuint(n_distrusted, ==, 0);
}

static void
outcome_clear(Outcome *self)
{
    g_free(self->before);
    g_free(self->after);
    g_bytes_unref(self->disk);
}

static void
assert_sound(SinterFs *fs)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(SinterCheckResult) result = sinter_image_check_io(io, "qcow2", NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(result->counts.corruptions + result->counts.errors, ==, 0);
}

/* Whether the disk has another size or not, what both sizes hold is the same. */
static void
assert_disk(const Outcome *self, SinterFs *fs)
{
    g_autoptr(GBytes) found = read_disk(fs);
    gsize n = MIN(g_bytes_get_size(found), g_bytes_get_size(self->disk));

    g_assert_cmpuint(n, >, 0);
    g_assert_cmpmem(g_bytes_get_data(found, NULL), n, g_bytes_get_data(self->disk, NULL), n);
}

/* Bitmaps are not lost but for the one that is to go: as many are there as before or after. */
static guint
count_bitmaps(const char *described)
{
    g_auto(GStrv) words = g_strsplit(described, " ", -1);

    return (g_strv_length(words) - 1) / 3;
}

/* Returns whether the outcome is there. */
static gboolean
assert_either(const Outcome *self, SinterFs *fs, gboolean done)
{
    guint n_distrusted = 0;
    g_autofree char *found = bitmap_trial_describe(fs, &n_distrusted);

    assert_sound(fs);
    assert_disk(self, fs);
    if (strcmp(found, self->after) == 0)
        return TRUE;
    if (!done && self->trial->may_distrust && n_distrusted > 0)
        g_assert_cmpuint(count_bitmaps(found) + n_distrusted, ==, count_bitmaps(self->before));
    else
        g_assert_cmpstr(found, ==, done ? self->after : self->before);
    return done;
}

/* Returns whether there was such a call. */
static gboolean
fail_at(const Outcome *self, const Failing *how, guint64 nth)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fault = sinter_fs_fault_new(memory);
    g_autoptr(GError) error = NULL;
    guint n_distrusted = 0;
    g_autofree char *left = NULL;
    gboolean reached;
    gboolean done;

    bitmap_trial_prepare(memory, self->trial);
    sinter_fs_fault_arm(fault, how->calls, how->kind, nth, how->lasting);
    done = self->trial->run(fault, &error);
    g_assert_true(done == (error == NULL));
    reached = sinter_fs_fault_get_count(fault) >= nth;
    if (reached && how->calls != SINTER_FAULT_ALL)
        g_assert_false(done);
    if (assert_either(self, memory, done))
        return reached;
    /* bitmaps that are not to be trusted stay so, and keep their image from another size */
    left = bitmap_trial_describe(memory, &n_distrusted);
    if (n_distrusted > 0)
        return reached;
    g_clear_error(&error);
    self->trial->run(memory, &error);
    g_assert_no_error(error);
    assert_either(self, memory, TRUE);
    return reached;
}

static void
test_faults(gconstpointer data)
{
    static const Failing ways[] = {
        { SINTER_FAULT_ALL, SINTER_FAULT_EIO, FALSE },
        { SINTER_FAULT_ALL, SINTER_FAULT_ENOSPC, FALSE },
        { SINTER_FAULT_ALL, SINTER_FAULT_SHORT, FALSE },
        { SINTER_FAULT_ALL, SINTER_FAULT_EIO, TRUE },
        { STORING, SINTER_FAULT_EIO, FALSE },
        { STORING, SINTER_FAULT_ENOSPC, TRUE },
        { STORING, SINTER_FAULT_SHORT, FALSE },
        { SINTER_FAULT_FLUSH, SINTER_FAULT_EIO, FALSE },
        { SINTER_FAULT_FLUSH, SINTER_FAULT_EIO, TRUE },
    };
    guint64 n = 0;
    Outcome outcome;

    outcome_init(&outcome, data);
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        guint64 nth = 1;

        while (fail_at(&outcome, &ways[i], nth))
            nth++;
        g_test_message("calls 0x%x as %d%s: %" G_GUINT64_FORMAT " failed", ways[i].calls,
                       ways[i].kind, ways[i].lasting ? ", from there on" : "", nth - 1);
        g_assert_cmpuint(nth, >, 1);
        n += nth - 1;
    }
    g_test_message("%s: %" G_GUINT64_FORMAT " runs with failing calls", outcome.trial->name, n);
    outcome_clear(&outcome);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < n_bitmap_trials; i++) {
        g_autofree char *path = g_strdup_printf("/crash/faults/%s", bitmap_trials[i].name);

        g_test_add_data_func(path, &bitmap_trials[i], test_faults);
    }
    return g_test_run();
}
