/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Repairs of the images in the folders on the command line, cut at every moment, and with each call
 * of storage failing once. What a cut or a failure leaves reads as before the repair or as after
 * it, piece by piece, and the next repair ends as the uncut one did.
 *
 * An ordinary run takes a part of the images; SINTER_TEST_LONG takes all, and more states of each.
 */

#include "../fuzz/guest-pieces.h"
#include "crash-harness.h"
#include "crash-qemu.h"
#include "io/sinter-fs-fault.h"
#include "sinter/repair.h"

#include <string.h>

#define PATH "/a/image"
#define RAW_BYTES 65536
#define PART 12 /* an ordinary run takes one image of so many */
#define STATES_LONG 5000
#define TEETH "blocks-lost" /* whose repair must flush before it switches */

typedef struct {
    char *name;
    GBytes *content;
} Damaged;

typedef struct {
    const Damaged *image;
    GuestPieces *before;
    GuestPieces *after;
    guint64 too_low;   /* clusters that were counted too low before the repair */
    guint64 bad_after; /* corruptions and errors that the uncut repair left */
    gboolean is_entangled;
} Run;

static gboolean is_long;
static guint64 n_states;
static guint64 n_faults;

static void
add_file(SinterFs *fs, const char *path, const guint8 *data, gsize size)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_CREATE, NULL);

    g_assert_true(sinter_io_write(io, 0, data, size, NULL));
}

/* What the images of the corpus stand on, with bytes that none of them has. */
static void
add_companions(SinterFs *fs)
{
    g_autofree guint8 *raw = g_malloc(RAW_BYTES);

    memset(raw, 'R', RAW_BYTES);
    add_file(fs, "/a/base.raw", raw, RAW_BYTES);
    add_file(fs, "/a/data.raw", raw, RAW_BYTES);
}

static SinterFs *
make_fs(const Damaged *image)
{
    SinterFs *fs = sinter_fs_new_memory();
    gsize size;
    const guint8 *data = g_bytes_get_data(image->content, &size);

    add_file(fs, PATH, data, size);
    add_companions(fs);
    return fs;
}

static SinterRepairResult *
repair(SinterFs *fs, GError **error)
{
    const SinterRepairOptions options = {
        .level = SINTER_REPAIR_ALL,
        .check = { .flags = SINTER_CHECK_KEEP_GOING, .n_threads = 1 },
    };

    return sinter_image_repair(fs, PATH, "qcow2", &options, error);
}

static guint64
count_bad(const SinterRepairResult *result)
{
    const SinterCheckResult *state = sinter_repair_result_get_state(result);

    return state->counts.corruptions + state->counts.errors;
}

/* What a guest reads must be there; where its data and a table are one, it cannot be. */
static char *
compare_between(const Run *self, const GuestPieces *now)
{
    return self->is_entangled ? NULL : guest_pieces_compare_between(self->before, self->after, now);
}

/* The next repair ends as the uncut one, and what it leaves reads like that one's. */
static char *
check_next_repair(Run *self, SinterFs *fs)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterRepairResult) result = repair(fs, &error);
    g_autoptr(GuestPieces) now = NULL;

    if (!result)
        return g_strdup_printf("the next repair fails: %s", error->message);
    if (result->before->per_code[SINTER_FINDING_REFCOUNT_TOO_LOW] > self->too_low)
        return g_strdup("more clusters are counted too low than before the repair");
    if (self->bad_after == 0 && count_bad(result) > 0)
        return g_strdup_printf("the next repair leaves %" G_GUINT64_FORMAT " findings",
                               count_bad(result));
    now = guest_pieces_read(fs, PATH);
    return compare_between(self, now);
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer user_data)
{
    Run *self = user_data;
    g_autoptr(GuestPieces) now = NULL;
    char *trouble;

    add_companions(fs);
    now = guest_pieces_read(fs, PATH);
    trouble = compare_between(self, now);
    return trouble ? trouble : check_next_repair(self, fs);
}

/* The clusters of a refcount table that runs beyond the end of the file. */
static guint64
count_table_beyond(const SinterCheckResult *before)
{
    for (guint i = 0; i < before->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(before->findings, SinterFinding, i);

        if (finding->code == SINTER_FINDING_REFTABLE_BEYOND_FILE)
            return finding->seen / before->stats.cluster_bytes;
    }
    return 0;
}

/*
 * How many clusters a repair may show as counted too low on its way. What the refcount structure
 * has beyond the end of the file is among them, when the file has grown over it. Where tables and
 * other data share clusters, one write is several changes.
 */
static guint64
count_too_low(const SinterCheckResult *before)
{
    const guint64 *per_code = before->per_code;

    return per_code[SINTER_FINDING_REFCOUNT_UNKNOWN] > 0 ||
                   per_code[SINTER_FINDING_METADATA_OVERLAP] > 0
               ? G_MAXUINT64
               : per_code[SINTER_FINDING_REFCOUNT_TOO_LOW] +
                     per_code[SINTER_FINDING_REFTABLE_ENTRY_BEYOND_FILE] +
                     count_table_beyond(before);
}

/* FALSE: the image cannot be repaired at all, so there is nothing to cut. */
static gboolean
run_init(Run *self, const Damaged *image, SinterFs *memory, SinterFs *record)
{
    g_autoptr(SinterRepairResult) result = NULL;

    *self = (Run){ .image = image, .before = guest_pieces_read(memory, PATH) };
    result = repair(record, NULL);
    self->after = guest_pieces_read(memory, PATH);
    if (!result)
        return FALSE;
    self->bad_after = count_bad(result);
    self->too_low = count_too_low(result->before);
    self->is_entangled = result->before->per_code[SINTER_FINDING_METADATA_OVERLAP] > 0 ||
                         result->before->per_code[SINTER_FINDING_REFBLOCK_SHARED] > 0;
    return TRUE;
}

static void
run_clear(Run *self)
{
    guest_pieces_free(self->before);
    guest_pieces_free(self->after);
}

/* All states of the image's repair; with a flush left out, if there is one of that number. */
static CrashCount
explore(const Damaged *image, guint skip_flush, gboolean thorough)
{
    static const char *const paths[] = { PATH, NULL };
    const CrashOptions options = { .skip_flush = skip_flush,
                                   .thorough = thorough,
                                   .seed = (guint32)g_test_rand_int() };
    g_autoptr(SinterFs) memory = make_fs(image);
    g_autoptr(SinterFs) record = sinter_fs_record_new(memory);
    CrashCount count = { 0 };
    CrashBase base;
    Run run;

    crash_base_init(&base, memory, paths);
    if (run_init(&run, image, memory, record))
        count =
            crash_explore(&base, sinter_fs_record_get_log(record), 0, &options, check_state, &run);
    run_clear(&run);
    crash_base_clear(&base);
    return count;
}

static void
test_states(gconstpointer image)
{
    CrashCount count = explore(image, G_MAXUINT, is_long);

    g_assert_cmpstr(count.first, ==, NULL);
    n_states += count.states;
}

/* Without one of its flushes, a repair of these images can do harm: so the harness would see it. */
static void
test_teeth(gconstpointer image)
{
    guint64 n_flushes = explore(image, G_MAXUINT, FALSE).flushes;
    gboolean caught = FALSE;

    for (guint i = 0; i < n_flushes; i++) {
        CrashCount without = explore(image, i, FALSE);

        g_test_message("without flush %u: %s", i, without.first ? without.first : "no damage");
        caught = caught || without.violations > 0;
        g_free(without.first);
    }
    g_assert_true(caught);
}

/* The @nth call fails; FALSE: there were not so many. */
static gboolean
fail_once(Run *run, SinterFaultKind kind, guint64 nth)
{
    g_autoptr(SinterFs) memory = make_fs(run->image);
    g_autoptr(SinterFs) fault = sinter_fs_fault_new(memory);
    g_autoptr(SinterRepairResult) result = NULL;
    g_autoptr(GuestPieces) now = NULL;
    g_autofree char *trouble = NULL;
    gboolean has_failed;

    sinter_fs_fault_arm(fault, SINTER_FAULT_ALL, kind, nth, FALSE);
    result = repair(fault, NULL);
    has_failed = sinter_fs_fault_get_count(fault) >= nth;
    now = guest_pieces_read(memory, PATH);
    trouble = compare_between(run, now);
    if (!trouble)
        trouble = check_next_repair(run, memory);
    if (trouble)
        g_error("%s, call %" G_GUINT64_FORMAT " failed as %d: %s", run->image->name, nth, kind,
                trouble);
    n_faults += has_failed;
    return has_failed;
}

static void
test_faults(gconstpointer data)
{
    static const SinterFaultKind kinds[] = { SINTER_FAULT_EIO, SINTER_FAULT_ENOSPC,
                                             SINTER_FAULT_SHORT };
    g_autoptr(SinterFs) memory = make_fs(data);
    Run run;
    gboolean is_repaired = run_init(&run, data, memory, memory);

    for (gsize i = 0; is_repaired && i < G_N_ELEMENTS(kinds); i++) {
        guint64 nth = 1;

        while (fail_once(&run, kinds[i], nth))
            nth += is_long ? 1 : 3;
    }
    run_clear(&run);
}

static void
damaged_free(gpointer data)
{
    Damaged *self = data;

    g_free(self->name);
    g_bytes_unref(self->content);
    g_free(self);
}

/* The images of a folder. */
static void
load_folder(GPtrArray *images, const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        Damaged *image;
        char *data;
        gsize size;

        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        image = g_new0(Damaged, 1);
        image->name = g_strdup(name);
        image->content = g_bytes_new_take(data, size);
        g_ptr_array_add(images, image);
    }
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(Damaged *const *)a)->name, (*(Damaged *const *)b)->name);
}

/* Last: what the others came to. */
static void
test_enough(void)
{
    crash_say_count("repair", n_states, 0);
    g_test_message("%" G_GUINT64_FORMAT " calls of storage failed", n_faults);
    g_assert_cmpuint(n_states, >=, is_long ? STATES_LONG : 50);
    g_assert_cmpuint(n_faults, >, 0);
}

static void
add_tests(const Damaged *image)
{
    g_autofree char *states = g_strdup_printf("/crash/repair/%s", image->name);
    g_autofree char *faults = g_strdup_printf("/crash/repair-faults/%s", image->name);

    g_test_add_data_func(states, image, test_states);
    g_test_add_data_func(faults, image, test_faults);
}

static const Damaged *
find_image(GPtrArray *images, const char *name)
{
    for (guint i = 0; i < images->len; i++) {
        const Damaged *image = g_ptr_array_index(images, i);

        if (strcmp(image->name, name) == 0)
            return image;
    }
    g_error("there is no image %s", name);
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func(damaged_free);
    guint first;

    g_test_init(&argc, &argv, NULL);
    is_long = g_getenv("SINTER_TEST_LONG") != NULL;
    for (int i = 1; i < argc; i++)
        load_folder(images, argv[i]);
    g_ptr_array_sort(images, by_name);
    first = is_long ? 0 : (guint)g_test_rand_int_range(0, PART);
    for (guint i = first; i < images->len; i += is_long ? 1 : PART)
        add_tests(g_ptr_array_index(images, i));
    g_test_add_data_func("/crash/repair-teeth", find_image(images, TEETH), test_teeth);
    g_test_add_func("/crash/repair-total/enough", test_enough);
    return g_test_run();
}
