/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The harness itself, on small programs whose mistakes are known: a file replaced by way of a
 * second name. Done right nothing is ever lost; each mistake is found.
 */

#include "crash-harness.h"

#include <string.h>

#define CONTENT_BYTES 2048

typedef enum {
    STEP_CREATE,
    STEP_WRITE,
    STEP_FLUSH,
    STEP_RENAME,
    STEP_SYNC,
    STEP_END,
} Step;

typedef struct {
    const char *name;
    Step steps[6];
    gboolean is_safe;
} Program;

static const Program programs[] = {
    { "right", { STEP_CREATE, STEP_WRITE, STEP_FLUSH, STEP_RENAME, STEP_SYNC, STEP_END }, TRUE },
    { "no-flush", { STEP_CREATE, STEP_WRITE, STEP_RENAME, STEP_SYNC, STEP_END }, FALSE },
    { "no-sync", { STEP_CREATE, STEP_WRITE, STEP_FLUSH, STEP_RENAME, STEP_END }, FALSE },
    { "renamed-early",
      { STEP_CREATE, STEP_RENAME, STEP_WRITE, STEP_FLUSH, STEP_SYNC, STEP_END },
      FALSE },
    { "synced-early",
      { STEP_CREATE, STEP_SYNC, STEP_WRITE, STEP_FLUSH, STEP_RENAME, STEP_END },
      FALSE },
};

typedef struct {
    SinterFs *memory;
    SinterFs *record;
    CrashBase base;
} Run;

static void
write_all(SinterIo *io, guint8 byte)
{
    guint8 content[CONTENT_BYTES];

    memset(content, byte, sizeof content);
    g_assert_true(sinter_io_write(io, 0, content, sizeof content, NULL));
}

static void
perform(SinterFs *fs, const Step *steps)
{
    g_autoptr(SinterIo) io = NULL;

    for (; *steps != STEP_END; steps++) {
        switch (*steps) {
        case STEP_CREATE:
            io = sinter_fs_open(fs, "dir/new", SINTER_IO_CREATE, NULL);
            break;
        case STEP_WRITE:
            write_all(io, 'b');
            break;
        case STEP_FLUSH:
            g_assert_true(sinter_io_flush(io, NULL));
            break;
        case STEP_RENAME:
            g_assert_true(sinter_fs_rename(fs, "dir/new", "dir/file", TRUE, NULL));
            break;
        case STEP_SYNC:
            g_assert_true(sinter_fs_sync_folder(fs, "dir/file", NULL));
            break;
        case STEP_END:
            break;
        }
    }
}

static void
run_prepare(Run *self, const Step *steps)
{
    static const char *const paths[] = { "dir/file", NULL };
    g_autoptr(SinterIo) io = NULL;

    self->memory = sinter_fs_new_memory();
    self->record = sinter_fs_record_new(self->memory);
    io = sinter_fs_open(self->memory, "dir/file", SINTER_IO_CREATE, NULL);
    write_all(io, 'a');
    crash_base_init(&self->base, self->memory, paths);
    perform(self->record, steps);
}

static void
run_clear(Run *self)
{
    crash_base_clear(&self->base);
    sinter_fs_unref(self->record);
    sinter_fs_unref(self->memory);
}

/* The file is whole: as before or as after; once all is done only as after. */
static char *
check_whole(SinterFs *fs, guint log_end, gpointer data)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "dir/file", SINTER_IO_READ, NULL);
    GPtrArray *log = sinter_fs_record_get_log(((Run *)data)->record);
    guint8 got[CONTENT_BYTES] = { 0 };
    gsize n = 0;

    if (!io)
        return g_strdup("the file is gone");
    g_assert_true(sinter_io_read_some(io, 0, got, sizeof got, &n, NULL));
    if (n != sizeof got || (got[0] != 'a' && got[0] != 'b') ||
        memcmp(got, got + 1, sizeof got - 1) != 0)
        return g_strdup("the file is a mixture");
    if (log_end == log->len && got[0] != 'b')
        return g_strdup("done was said, and the file is as before");
    return NULL;
}

static CrashCount
explore(const Step *steps, const CrashOptions *options)
{
    CrashCount count;
    Run run;

    run_prepare(&run, steps);
    count = crash_explore(&run.base, sinter_fs_record_get_log(run.record), 0, options, check_whole,
                          &run);
    run_clear(&run);
    return count;
}

static void
test_program(gconstpointer data)
{
    const Program *program = data;
    CrashOptions options = { .skip_flush = G_MAXUINT, .thorough = TRUE };
    CrashCount count = explore(program->steps, &options);

    g_test_message("%" G_GUINT64_FORMAT " states, %s", count.states,
                   count.first ? count.first : "nothing lost");
    g_assert_cmpint(count.violations == 0, ==, program->is_safe);
    g_free(count.first);
}

/* Of the right program each flush counts, and so does the order of its two epochs. */
static void
test_mistakes_made_by_the_harness(void)
{
    for (guint i = 0; i < 3; i++) {
        CrashOptions options = { .skip_flush = i < 2 ? i : G_MAXUINT, .thorough = TRUE };
        CrashCount count;

        options.swap_epoch = i == 2;
        count = explore(programs[0].steps, &options);
        g_assert_cmpuint(count.violations, >, 0);
        g_free(count.first);
    }
}

/* A file that is allocated grows, and storage may not have heard of it. */
static void
test_allocate_is_recorded(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    g_autoptr(SinterIo) io = NULL;
    GPtrArray *log = sinter_fs_record_get_log(record);
    const SinterRecord *last;

    io = sinter_fs_open(record, "file", SINTER_IO_CREATE, NULL);
    g_assert_true(sinter_io_allocate(io, 512, 1024, NULL));
    last = g_ptr_array_index(log, log->len - 1);
    g_assert_cmpint(last->kind, ==, SINTER_RECORD_TRUNCATE);
    g_assert_cmpuint(last->offset, ==, 1536);
    g_assert_true(sinter_io_allocate(io, 0, 512, NULL));
    g_assert_true(g_ptr_array_index(log, log->len - 1) == last);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *path = g_strdup_printf("/crash/harness/%s", programs[i].name);

        g_test_add_data_func(path, &programs[i], test_program);
    }
    g_test_add_func("/crash/harness/mistakes", test_mistakes_made_by_the_harness);
    g_test_add_func("/crash/harness/allocate", test_allocate_is_recorded);
    return g_test_run();
}
