/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs an operation undisturbed to learn what it ends with, then once for the record, then judges
 * every state that a cut of the recorded run can leave. Invariant: what a disk shows is read
 * through the engine's chain, whether an image is sound is said by a judge of the tests' own, and
 * by qemu-img for a sample.
 */

#include "crash-operation.h"
#include "crash-bitmaps.h"
#include "crash-qemu.h"
#include "io/sinter-fs-fault.h"
#include "qcow2-judge.h"
#include "sinter/chain.h"
#include "sinter-error.h"

#include <string.h>

#define RERUN_EVERY 11
#define CUT_AGAIN_EVERY 977
#define QEMU_EVERY 499

typedef struct {
    const CrashOperation *operation;
    SinterFs *memory;
    SinterFs *record;
    CrashBase base;
    guint log_end_all;               /* the log's length when the operation had returned */
    GBytes *before[CRASH_VIEWS_MAX]; /* NULL: no such disk */
    GBytes *after[CRASH_VIEWS_MAX];
    GPtrArray *bitmaps[CRASH_VIEWS_MAX]; /* before; NULL: not looked at */
    GPtrArray *names;                    /* of all files that there ever were */
    guint64 n_judged;
    guint64 n_rerun;
    guint64 n_cut_again;
    guint64 n_shown;
    gboolean is_second; /* the run that is judged is itself one after a cut */
    gboolean was_cut;   /* so bitmaps may be lost, even once it is done */
    guint rerun_every;  /* states */
} Trial;

static GBytes *
view_read(const CrashView *view, SinterFs *fs, GError **error)
{
    SinterChainOptions options = {
        .fs = fs, .format = view->format, .snapshot = view->snapshot, .flags = SINTER_CHAIN_PROBE
    };
    g_autoptr(SinterChain) chain = sinter_chain_open(view->path, &options, error);
    gsize size = chain ? (gsize)sinter_chain_get_virtual_size(chain) : 0;
    g_autofree guint8 *content = g_malloc(size + 1);

    if (!chain || !sinter_chain_read(chain, 0, content, size, error))
        return NULL;
    return g_bytes_new_take(g_steal_pointer(&content), size);
}

static gboolean
file_exists(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);

    return io != NULL;
}

static void
trial_read_views(const CrashOperation *operation, SinterFs *fs, GBytes **ret)
{
    for (guint i = 0; operation->views[i].path; i++)
        ret[i] = view_read(&operation->views[i], fs, NULL);
}

static void
trial_add_name(Trial *self, const char *name)
{
    if (name && !g_ptr_array_find_with_equal_func(self->names, name, g_str_equal, NULL))
        g_ptr_array_add(self->names, g_strdup(name));
}

static void
trial_collect_names(Trial *self, GPtrArray *log)
{
    for (guint i = 0; i < log->len; i++) {
        const SinterRecord *record = g_ptr_array_index(log, i);

        if (crash_record_is_name(record))
            trial_add_name(self, record->to ? record->to : record->path);
    }
}

static void
trial_init(Trial *self, const CrashOperation *operation)
{
    g_autoptr(SinterFs) undisturbed = sinter_fs_new_memory();
    g_autoptr(GError) error = NULL;

    *self = (Trial){ .operation = operation, .rerun_every = RERUN_EVERY };
    operation->prepare(undisturbed);
    trial_read_views(operation, undisturbed, self->before);
    for (guint i = 0; operation->views[i].path; i++) {
        if (operation->views[i].bitmaps)
            self->bitmaps[i] = crash_bitmaps_read(undisturbed, operation->views[i].path);
    }
    operation->run(undisturbed, FALSE, &error);
    g_assert_no_error(error);
    trial_read_views(operation, undisturbed, self->after);

    self->memory = sinter_fs_new_memory();
    self->record = sinter_fs_record_new(self->memory);
    operation->prepare(self->memory);
    crash_base_init(&self->base, self->memory, operation->files);
    operation->run(self->record, FALSE, &error);
    g_assert_no_error(error);
    self->log_end_all = sinter_fs_record_get_log(self->record)->len;
    self->names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; operation->files[i]; i++)
        trial_add_name(self, operation->files[i]);
    trial_collect_names(self, sinter_fs_record_get_log(self->record));
}

static void
trial_clear(Trial *self)
{
    for (guint i = 0; i < CRASH_VIEWS_MAX; i++) {
        g_clear_pointer(&self->before[i], g_bytes_unref);
        g_clear_pointer(&self->after[i], g_bytes_unref);
        g_clear_pointer(&self->bitmaps[i], g_ptr_array_unref);
    }
    crash_base_clear(&self->base);
    g_ptr_array_unref(self->names);
    sinter_fs_unref(self->record);
    sinter_fs_unref(self->memory);
}

static gboolean
is_qcow2(const CrashView *view, SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, view->path, SINTER_IO_READ, NULL);
    guint8 magic[4];
    gsize n = 0;

    return sinter_io_read_some(io, 0, magic, sizeof magic, &n, NULL) && n == sizeof magic &&
           memcmp(magic, "QFI\xfb", sizeof magic) == 0;
}

static char *
check_sound(const CrashView *view, SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, view->path, SINTER_IO_READ, NULL);
    char *trouble = NULL;
    Judgement judgement;

    if (!qcow2_judge(io, &judgement))
        trouble = g_strdup_printf("'%s': %s", view->path, judgement.first);
    judgement_clear(&judgement);
    return trouble;
}

static gboolean
same(GBytes *one, GBytes *other)
{
    return one && other && g_bytes_equal(one, other);
}

static char *
check_promise(const CrashView *view, SinterFs *fs, GBytes *before, GBytes *after, gboolean done)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) found = NULL;

    if (!done && view->promise == CRASH_VIEW_BLURS)
        return NULL;
    found = view_read(view, fs, &error);
    if (!found)
        return g_strdup_printf("'%s' cannot be read: %s", view->path, error->message);
    if (same(found, after) || (!done && same(found, before)))
        return NULL;
    return g_strdup_printf("'%s' shows something else%s", view->path,
                           done ? " once done was said" : "");
}

static char *
check_bitmaps(Trial *self, SinterFs *fs, guint i)
{
    const CrashView *view = &self->operation->views[i];
    g_autoptr(GBytes) disk = self->bitmaps[i] ? view_read(view, fs, NULL) : NULL;

    /* an image that is about to go need not show anything */
    return disk ? crash_bitmaps_judge(fs, view->path, self->bitmaps[i], self->before[i], disk,
                                      self->was_cut)
                : NULL;
}

/* A file may be absent that was not there before, or that is not to be there afterwards. */
static gboolean
may_be_absent(const CrashView *view, GBytes *before, GBytes *after, gboolean done)
{
    return done ? !after : !before || !after || view->may_go;
}

static char *
check_view(Trial *self, SinterFs *fs, guint i, gboolean done)
{
    const CrashView *view = &self->operation->views[i];
    GBytes *before = self->before[i];
    GBytes *after = self->after[i];
    char *trouble = NULL;

    if (!file_exists(fs, view->path))
        return may_be_absent(view, before, after, done)
                   ? NULL
                   : g_strdup_printf("'%s' is gone", view->path);
    if (is_qcow2(view, fs))
        trouble = check_sound(view, fs);
    else if (view->promise == CRASH_VIEW_OUTPUT && !done)
        return NULL;
    if (trouble)
        return trouble;
    if (done && !after)
        return view->snapshot ? NULL : g_strdup_printf("'%s' is still there", view->path);
    /* a snapshot that comes or goes may be there or not */
    if (view->snapshot && !done && (!before || !after))
        return NULL;
    trouble = check_promise(view, fs, before, after, done);
    return trouble ? trouble : check_bitmaps(self, fs, i);
}

/* What an operation makes on the way is gone when it is done, whoever made it. */
static char *
check_drafts(SinterFs *fs)
{
    g_autoptr(GPtrArray) names = sinter_fs_list(fs, "any", NULL);

    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        if (g_str_has_suffix(name, ".part"))
            return g_strdup_printf("'%s' is left", name);
    }
    return NULL;
}

static char *
check_views(Trial *self, SinterFs *fs, gboolean done)
{
    char *trouble = done ? check_drafts(fs) : NULL;

    for (guint i = 0; self->operation->views[i].path && !trouble; i++)
        trouble = check_view(self, fs, i, done);
    return trouble;
}

static char *check_state(SinterFs *fs, guint log_end, gpointer data);

/* The run after the cut, cut as well. */
static char *
cut_again(Trial *self, const CrashBase *base, SinterFs *record)
{
    CrashOptions options = { .skip_flush = G_MAXUINT };
    guint log_end_all = self->log_end_all;
    CrashCount count;

    self->is_second = TRUE;
    self->n_cut_again++;
    self->log_end_all = sinter_fs_record_get_log(record)->len;
    count = crash_explore(base, sinter_fs_record_get_log(record), 0, &options, check_state, self);
    self->log_end_all = log_end_all;
    self->is_second = FALSE;
    if (!count.first)
        return NULL;
    return g_strdup_printf("the run after the cut, cut: %s", count.first);
}

static void
base_of_state(Trial *self, CrashBase *ret, SinterFs *fs)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new();

    for (guint i = 0; i < self->names->len; i++) {
        if (file_exists(fs, g_ptr_array_index(self->names, i)))
            g_ptr_array_add(paths, g_ptr_array_index(self->names, i));
    }
    g_ptr_array_add(paths, NULL);
    crash_base_init(ret, fs, (const char *const *)paths->pdata);
}

static char *
check_rerun(Trial *self, SinterFs *fs)
{
    gboolean cut = !self->is_second && self->n_judged % CUT_AGAIN_EVERY == 0;
    g_autoptr(SinterFs) record = sinter_fs_record_new(fs);
    g_autoptr(GError) error = NULL;
    CrashBase base;
    char *trouble;

    self->n_rerun++;
    self->was_cut = TRUE;
    base_of_state(self, &base, fs);
    if (self->operation->run(record, TRUE, &error))
        trouble = check_views(self, fs, TRUE);
    else
        trouble = g_strdup(error->message);
    if (trouble) {
        char *inner = trouble;

        trouble = g_strdup_printf("run again: %s", inner);
        g_free(inner);
    } else if (cut) {
        trouble = cut_again(self, &base, record);
    }
    crash_base_clear(&base);
    return trouble;
}

static char *
show_qemu(Trial *self, SinterFs *fs)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    char *trouble = NULL;

    for (guint i = 0; i < self->names->len; i++)
        g_ptr_array_add(names, g_ptr_array_index(self->names, i));
    g_ptr_array_add(names, NULL);
    for (guint i = 0; self->operation->views[i].path && !trouble; i++) {
        const CrashView *view = &self->operation->views[i];

        if (view->promise != CRASH_VIEW_OUTPUT && file_exists(fs, view->path))
            trouble = crash_qemu_check(fs, (const char *const *)names->pdata, view->path);
    }
    self->n_shown++;
    return trouble;
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer data)
{
    Trial *self = data;
    char *trouble;

    self->was_cut = self->is_second || log_end < self->log_end_all;
    trouble = check_views(self, fs, log_end == self->log_end_all);
    self->n_judged++;
    if (!trouble && self->n_judged % QEMU_EVERY == 0)
        trouble = show_qemu(self, fs);
    if (!trouble && self->n_judged % self->rerun_every == 0)
        trouble = check_rerun(self, fs);
    return trouble;
}

static CrashCount
trial_explore(Trial *self, const CrashOptions *options)
{
    return crash_explore(&self->base, sinter_fs_record_get_log(self->record), 0, options,
                         check_state, self);
}

guint64
crash_operation_test_states(const CrashOperation *operation, guint32 seed)
{
    CrashOptions options = { .skip_flush = G_MAXUINT, .thorough = TRUE, .seed = seed };
    CrashCount count;
    Trial trial;

    trial_init(&trial, operation);
    count = trial_explore(&trial, &options);
    g_test_message("seed %u: around %" G_GUINT64_FORMAT " flushes; %" G_GUINT64_FORMAT
                   " judged, %" G_GUINT64_FORMAT " run again, %" G_GUINT64_FORMAT
                   " of these cut again, %" G_GUINT64_FORMAT " shown to qemu-img",
                   seed, count.flushes, trial.n_judged, trial.n_rerun, trial.n_cut_again,
                   trial.n_shown);
    crash_say_count(operation->name, count.states, count.violations);
    g_assert_cmpstr(count.first, ==, NULL);
    trial_clear(&trial);
    return count.states;
}

static void
expect_damage(Trial *self, const CrashOptions *options, const char *what, guint nth, guint *n_idle)
{
    CrashCount count = trial_explore(self, options);

    g_test_message("%s %u: %s", what, nth, count.first ? count.first : "no damage");
    if (!count.first)
        (*n_idle)++;
    g_free(count.first);
}

void
crash_operation_test_teeth(const CrashOperation *operation)
{
    CrashOptions options = { .skip_flush = G_MAXUINT };
    guint n_idle_flushes = 0;
    guint n_idle_swaps = 0;
    CrashCount count;
    Trial trial;

    trial_init(&trial, operation);
    /* states are few here, and some damage shows only then */
    trial.rerun_every = 1;
    count = trial_explore(&trial, &options);
    g_assert_cmpstr(count.first, ==, NULL);
    for (guint i = 0; i < count.flushes; i++) {
        options.skip_flush = i;
        expect_damage(&trial, &options, "without flush", i, &n_idle_flushes);
    }
    options.skip_flush = G_MAXUINT;
    for (guint i = 0; i + 1 < count.flushes; i++) {
        options.swap_epoch = i + 1;
        expect_damage(&trial, &options, "exchanged with the next: epoch", i, &n_idle_swaps);
    }
    g_assert_cmpuint(n_idle_flushes, <=, operation->n_idle_flushes);
    g_assert_cmpuint(n_idle_swaps, <=, operation->n_idle_swaps);
    trial_clear(&trial);
}

static void
test_states(gconstpointer data)
{
    crash_operation_test_states(data, g_test_rand_int());
}

static void
test_teeth(gconstpointer data)
{
    crash_operation_test_teeth(data);
}

/* Calls by which what is to be stored is stored: where one fails, that is not done. */
#define STORING                                                                                    \
    (SINTER_FAULT_WRITE | SINTER_FAULT_FLUSH | SINTER_FAULT_TRUNCATE | SINTER_FAULT_ALLOCATE)

/* @calls: all, or those whose failure must be heard of. Returns whether the call was reached. */
static gboolean
fail_once(Trial *self, SinterFaultCalls calls, SinterFaultKind kind, guint64 nth)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fault = sinter_fs_fault_new(memory);
    g_autofree char *trouble = NULL;
    g_autoptr(GError) error = NULL;
    gboolean reached;
    gboolean ok;

    self->operation->prepare(memory);
    sinter_fs_fault_arm(fault, calls, kind, nth, FALSE);
    ok = self->operation->run(fault, FALSE, &error);
    reached = sinter_fs_fault_get_count(fault) >= nth;
    if (ok && reached && calls != SINTER_FAULT_ALL)
        trouble = g_strdup("done was said after a write or a flush that failed");
    if (!trouble)
        trouble = check_views(self, memory, ok);
    if (!trouble && !ok) {
        g_clear_error(&error);
        if (!self->operation->run(memory, TRUE, &error))
            trouble = g_strdup_printf("run again: %s", error->message);
        else
            trouble = check_views(self, memory, TRUE);
    }
    if (trouble)
        g_error("%s, call %" G_GUINT64_FORMAT " of kinds 0x%x failing as %d: %s",
                self->operation->name, nth, calls, kind, trouble);
    return reached;
}

guint64
crash_operation_test_faults(const CrashOperation *operation)
{
    static const SinterFaultKind kinds[] = { SINTER_FAULT_EIO, SINTER_FAULT_ENOSPC,
                                             SINTER_FAULT_SHORT };
    guint64 n = 0;
    Trial trial;

    trial_init(&trial, operation);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (guint64 nth = 1; fail_once(&trial, SINTER_FAULT_ALL, kinds[i], nth); nth++)
            n++;
    }
    for (guint64 nth = 1; fail_once(&trial, SINTER_FAULT_FLUSH, SINTER_FAULT_EIO, nth); nth++)
        n++;
    g_test_message("%s: %" G_GUINT64_FORMAT " calls failed", operation->name, n);
    trial_clear(&trial);
    return n;
}

static void
test_faults(gconstpointer data)
{
    guint64 n = crash_operation_test_faults(data);
    guint64 nth = 1;
    Trial trial;

    g_assert_cmpuint(n, >, 0);
    trial_init(&trial, data);
    while (fail_once(&trial, STORING, SINTER_FAULT_EIO, nth))
        nth++;
    g_assert_cmpuint(nth, >, 1);
    trial_clear(&trial);
}

int
crash_operation_main(int argc, char **argv, const CrashOperation *operations, gsize n)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < n; i++) {
        g_autofree char *states = g_strdup_printf("/crash/%s/states", operations[i].name);
        g_autofree char *teeth = g_strdup_printf("/crash/%s/teeth", operations[i].name);

        g_autofree char *faults = g_strdup_printf("/crash/%s/faults", operations[i].name);

        g_test_add_data_func(states, &operations[i], test_states);
        g_test_add_data_func(teeth, &operations[i], test_teeth);
        g_test_add_data_func(faults, &operations[i], test_faults);
    }
    return g_test_run();
}
