/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Dirty bitmaps changed, and carried along when the disk gets another size, cut at every moment:
 * all of the old bitmaps or all of the new ones, bit for bit, or, on the way to another size, some
 * that say that they are not to be trusted. No cluster of them counts too little.
 */

#include "bitmap-trial.h"
#include "crash-harness.h"
#include "crash-qemu.h"
#include "sinter/check.h"

#include <string.h>

typedef struct {
    const BitmapTrial *trial;
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
    guint distrusted = 0;
    g_autofree char *found = NULL;

    if (!result)
        return g_strdup(error->message);
    if (result->counts.corruptions || result->counts.errors)
        return g_strdup("the image is corrupt");
    found = bitmap_trial_describe(fs, &distrusted);
    if (strcmp(found, self->after) == 0 ||
        (log_end < self->log_end_all &&
         (strcmp(found, self->before) == 0 || (self->trial->may_distrust && distrusted))))
        return NULL;
    return g_strdup_printf("bitmaps: %s; before: %s; after: %s", found, self->before, self->after);
}

static void
test_trial(gconstpointer data)
{
    const BitmapTrial *trial = data;
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    static const char *const files[] = { "image", NULL };
    CrashOptions options = { .skip_flush = G_MAXUINT, .thorough = TRUE, .seed = g_test_rand_int() };
    g_autoptr(GError) error = NULL;
    Moment moment = { .trial = trial };
    guint distrusted = 0;
    guint n_idle = 0;
    CrashBase base;
    CrashCount count;

    bitmap_trial_prepare(memory, trial);
    moment.before = bitmap_trial_describe(memory, &distrusted);
    crash_base_init(&base, memory, files);
    trial->run(record, &error);
    g_assert_no_error(error);
    moment.after = bitmap_trial_describe(memory, &distrusted);
    g_assert_cmpuint(distrusted, ==, 0);
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < n_bitmap_trials; i++) {
        g_autofree char *path = g_strdup_printf("/crash/%s", bitmap_trials[i].name);

        g_test_add_data_func(path, &bitmap_trials[i], test_trial);
    }
    return g_test_run();
}
