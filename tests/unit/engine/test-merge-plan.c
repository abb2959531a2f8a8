/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is decided of a merge, as a table; and its journal as a file. */

#include "ops/merge/sinter-journal.h"
#include "ops/merge/sinter-leftover.h"
#include "ops/merge/sinter-merge-plan.h"
#include "sinter-error.h"

#include <string.h>

#define MIB (1024 * 1024)
#define NONE                                                                                       \
    {                                                                                              \
        G_MAXUINT, G_MAXUINT                                                                       \
    }

/* Four images, "a" on top of "b", "c" and "d". */
typedef struct {
    const char *name;
    guint64 sizes[4]; /* MiB; 0: 8 */
    guint snapshots;  /* images with snapshots, as bits */
    guint corrupt;
    guint encrypted;
    guint devices;
    guint read_only;
    guint data_devices; /* images whose data file is a device, as large as the disk */
    guint version2;
    SinterMergeStretch down;
    SinterMergeStretch up;
    SinterMergeDirection wish;
    gboolean drops;
    gboolean deletes;
    guint64 bytes_down;
    guint64 bytes_up;
    SinterMergeDirection expected; /* CHEAPER: refused */
    const char *text;              /* part of the error, or of the reason against the other way */
} Row;

#define CHEAPER SINTER_MERGE_CHEAPER
#define DOWN SINTER_MERGE_DOWN
#define UP SINTER_MERGE_UP

#define MIDDLE .down = { 1, 2 }, .up = { 1, 2 }
#define ALL .down = { 0, 3 }, .up = { 0, 3 }
#define BYTES(down, up) .bytes_down = down, .bytes_up = up
#define BIT(layer) (1U << (layer))

/* clang-format off: a line or two each */
static const Row rows[] = {
    { "less-down", MIDDLE, BYTES(5, 6), .expected = DOWN },
    { "less-up", MIDDLE, BYTES(6, 5), .expected = UP },
    { "even", MIDDLE, BYTES(5, 5), .expected = DOWN },
    { "asked-up", MIDDLE, BYTES(5, 6), .wish = UP, .expected = UP },
    { "asked-down", MIDDLE, BYTES(6, 5), .wish = DOWN, .expected = DOWN },
    { "snapshot-in-top", MIDDLE, BYTES(6, 5), .snapshots = BIT(1), .expected = DOWN,
      .text = "'b' has internal snapshots, whose content" },
    { "snapshot-in-top-up", MIDDLE, BYTES(6, 5), .snapshots = BIT(1), .wish = UP,
      .text = "a merge up is not possible: 'b' has internal snapshots" },
    { "snapshot-would-go", MIDDLE, BYTES(6, 5), .snapshots = BIT(1), .deletes = TRUE,
      .text = "neither a merge down ('b' has internal snapshots, which would be lost" },
    { "snapshot-stays", MIDDLE, BYTES(6, 5), .snapshots = BIT(2), .deletes = TRUE, .expected = DOWN,
      .text = "'c' has internal snapshots, which would be lost" },
    { "snapshot-above", MIDDLE, BYTES(6, 5), .snapshots = BIT(0), .expected = UP },
    { "snapshot-above-shadow", MIDDLE, BYTES(6, 5), .snapshots = BIT(0), .drops = TRUE,
      .text = "'a' has internal snapshots, which may need" },
    { "corrupt-base", MIDDLE, BYTES(5, 6), .corrupt = BIT(2), .expected = UP,
      .text = "'c' is marked as corrupt" },
    { "corrupt-top", MIDDLE, BYTES(5, 6), .corrupt = BIT(1), .wish = UP,
      .text = "'b' is marked as corrupt" },
    { "read-only-base", MIDDLE, BYTES(5, 6), .read_only = BIT(2), .expected = UP,
      .text = "'c' is of a format that can only be read" },
    { "read-only-both", MIDDLE, BYTES(5, 6), .read_only = BIT(1) | BIT(2),
      .text = "neither a merge down ('c' is of a format that can only be read) nor a merge up ('b' "
              "is of" },
    { "read-only-elsewhere", MIDDLE, BYTES(6, 5), .read_only = BIT(3), .expected = UP },
    { "encrypted", MIDDLE, BYTES(5, 6), .encrypted = BIT(1), .text = "'b' is encrypted" },
    { "encrypted-elsewhere", MIDDLE, BYTES(5, 6), .encrypted = BIT(3), .expected = DOWN },
    { "disk-would-grow", ALL, BYTES(5, 6), .sizes = { 4, 8, 8, 8 }, .expected = UP,
      .text = "'d' is larger than the disk" },
    { "larger-base-below-child", MIDDLE, BYTES(5, 6), .sizes = { 8, 4, 8, 8 }, .expected = DOWN },
    { "device-stays", MIDDLE, BYTES(6, 5), .devices = BIT(2), .deletes = TRUE, .expected = DOWN,
      .text = "'c' is a device" },
    { "device-merged", MIDDLE, BYTES(6, 5), .devices = BIT(2), .expected = UP },
    { "device-too-small", MIDDLE, BYTES(5, 6), .sizes = { 8, 8, 4, 8 }, .devices = BIT(2),
      .expected = UP, .text = "'c' is a device and too small" },
    { "data-device-too-small", MIDDLE, BYTES(5, 6), .sizes = { 8, 8, 4, 8 }, .data_devices = BIT(2),
      .expected = UP, .text = "the data file of 'c' is a device and too small" },
    { "version-2-with-snapshots", MIDDLE, BYTES(5, 6), .sizes = { 8, 8, 4, 8 }, .version2 = BIT(2),
      .snapshots = BIT(2), .expected = UP, .text = "'c' is too small and cannot grow" },
    { "version-2", MIDDLE, BYTES(5, 6), .sizes = { 8, 8, 4, 8 }, .version2 = BIT(2),
      .expected = DOWN },
    { "remove-base", .down = NONE, .up = { 2, 3 }, BYTES(0, 6), .deletes = TRUE, .expected = UP,
      .text = "there is no image below it" },
    { "remove-base-down", .down = NONE, .up = { 2, 3 }, BYTES(0, 6), .wish = DOWN,
      .text = "a merge down is not possible: there is no image below it" },
    { "remove-cheaper-up", .down = { 1, 2 }, .up = { 0, 1 }, BYTES(9, 6), .deletes = TRUE,
      .expected = UP },
};
/* clang-format on */

static const char *const names[] = { "a", "b", "c", "d" };

static void
fill_images(const Row *row, SinterMergeImage *images)
{
    for (guint i = 0; i < 4; i++)
        images[i] = (SinterMergeImage){
            .path = names[i],
            .virtual_size = (row->sizes[i] ? row->sizes[i] : 8) * MIB,
            .n_snapshots = (row->snapshots >> i) & 1,
            .corrupt = (row->corrupt >> i) & 1,
            .encrypted = (row->encrypted >> i) & 1,
            .is_device = (row->devices >> i) & 1,
            .read_only = (row->read_only >> i) & 1,
            .reach = ((row->devices | row->data_devices) >> i) & 1
                         ? (row->sizes[i] ? row->sizes[i] : 8) * MIB
                         : G_MAXUINT64,
            .version = (row->devices >> i) & 1    ? 0
                       : (row->version2 >> i) & 1 ? 2
                                                  : 3,
        };
}

static void
check_decided(const Row *row, const SinterMergePlan *plan)
{
    const char *against = row->expected == DOWN ? plan->why_not_up : plan->why_not_down;

    g_assert_cmpint(plan->direction, ==, row->expected);
    g_assert_cmpuint(plan->bytes_to_move, ==,
                     row->expected == DOWN ? row->bytes_down : row->bytes_up);
    if (row->text)
        g_assert_nonnull(strstr(against, row->text));
    else
        g_assert_null(against);
}

static void
test_decide(gconstpointer data)
{
    const Row *row = data;
    SinterMergeImage images[4];
    g_autoptr(SinterMergePlan) plan = g_new0(SinterMergePlan, 1);
    g_autoptr(GError) error = NULL;
    SinterMergeFacts facts = { .images = images,
                               .n_images = 4,
                               .down = row->down,
                               .up = row->up,
                               .direction = row->wish,
                               .drops_shadowed = row->drops,
                               .deletes = row->deletes,
                               .bytes_down = row->bytes_down,
                               .bytes_up = row->bytes_up };

    fill_images(row, images);
    if (sinter_merge_decide(&facts, plan, &error)) {
        g_assert_cmpint(row->expected, !=, CHEAPER);
        check_decided(row, plan);
        return;
    }
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
    g_assert_cmpint(row->expected, ==, CHEAPER);
    g_assert_nonnull(strstr(error->message, row->text));
}

static SinterJournal *
make_journal(void)
{
    static const char *const members[] = { "a;b", "c\377d", NULL };
    SinterJournal *journal = sinter_journal_new();
    SinterLeftover *leftover = g_new0(SinterLeftover, 1);

    journal->top = g_strdup("a;b");
    journal->base = g_strdup(" c ");
    journal->direction = DOWN;
    journal->deletes = TRUE;
    journal->members = g_strdupv((char **)members);
    journal->child = g_strdup("x\ny");
    leftover->path = g_strdup("a;b");
    leftover->size_bytes = G_GUINT64_CONSTANT(1) << 40;
    leftover->digest = g_strdup("00ff");
    g_ptr_array_add(journal->leftover, leftover);
    return journal;
}

static void
test_journal(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterJournal) journal = make_journal();
    g_autoptr(SinterJournal) read = NULL;
    g_autoptr(GError) error = NULL;
    const SinterLeftover *leftover;

    g_assert_true(sinter_journal_load(fs, "j", &read, &error));
    g_assert_null(read);
    for (guint i = 0; i < 2; i++) {
        journal->phase = i ? SINTER_JOURNAL_REMOVING : SINTER_JOURNAL_MOVING;
        sinter_journal_store(journal, fs, "j", &error);
        g_assert_no_error(error);
        g_clear_pointer(&read, sinter_journal_free);
        sinter_journal_load(fs, "j", &read, &error);
        g_assert_no_error(error);
        g_assert_cmpint(read->phase, ==, journal->phase);
    }
    g_assert_cmpstr(read->top, ==, journal->top);
    g_assert_cmpstr(read->base, ==, journal->base);
    g_assert_null(read->remove);
    g_assert_true(read->deletes && !read->drops_shadowed);
    g_assert_cmpstrv(read->members, journal->members);
    g_assert_cmpstr(read->child, ==, journal->child);
    g_assert_null(read->backing);
    g_assert_cmpuint(read->leftover->len, ==, 1);
    leftover = g_ptr_array_index(read->leftover, 0);
    g_assert_cmpstr(leftover->path, ==, "a;b");
    g_assert_cmpuint(leftover->size_bytes, ==, G_GUINT64_CONSTANT(1) << 40);
    g_assert_cmpstr(leftover->digest, ==, "00ff");
    journal->phase = SINTER_JOURNAL_MOVING;
    g_assert_true(sinter_journal_store(journal, fs, "j", &error));
    g_assert_true(sinter_journal_set_removing(fs, "j", &error));
    g_clear_pointer(&read, sinter_journal_free);
    g_assert_true(sinter_journal_load(fs, "j", &read, &error));
    g_assert_cmpint(read->phase, ==, SINTER_JOURNAL_REMOVING);
    g_assert_cmpstrv(read->members, journal->members);
    g_assert_false(sinter_journal_set_removing(fs, "j", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
    g_clear_error(&error);
    g_assert_true(sinter_journal_remove(fs, "j", &error));
    g_assert_true(sinter_journal_remove(fs, "j", &error));
}

static void
test_journal_matches(void)
{
    g_autoptr(SinterJournal) journal = make_journal();
    SinterMergeOptions options = { .top = "a;b", .base = " c ", .flags = SINTER_MERGE_DELETE };

    g_assert_true(sinter_journal_matches(journal, &options));
    options.direction = DOWN;
    g_assert_true(sinter_journal_matches(journal, &options));
    options.direction = UP;
    g_assert_false(sinter_journal_matches(journal, &options));
    options = (SinterMergeOptions){ .top = "a;b", .base = " c " };
    g_assert_false(sinter_journal_matches(journal, &options));
    options = (SinterMergeOptions){ .top = "a;b", .flags = SINTER_MERGE_DELETE };
    g_assert_false(sinter_journal_matches(journal, &options));
}

static void
test_journal_path(void)
{
    g_autofree char *plain = sinter_journal_path("top");
    g_autofree char *deep = sinter_journal_path("/a/b/top.qcow2");

    g_assert_cmpstr(plain, ==, ".top.sinter-journal");
    g_assert_cmpstr(deep, ==, "/a/b/.top.qcow2.sinter-journal");
}

/* Only what is still what it was goes. */
static void
test_leftover(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "a", SINTER_IO_CREATE, NULL);
    g_autoptr(SinterLeftover) leftover = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_io_write(io, 0, "content", 7, NULL));
    leftover = sinter_leftover_new(io, "a", &error);
    g_assert_true(sinter_io_write(io, 0, "CONTENT", 7, NULL));
    g_assert_false(sinter_leftover_remove(leftover, fs, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED);
    g_clear_error(&error);
    g_assert_true(sinter_io_write(io, 0, "content", 7, NULL));
    for (guint i = 0; i < 2; i++) {
        sinter_leftover_remove(leftover, fs, &error);
        g_assert_no_error(error);
    }
    g_clear_pointer(&io, sinter_io_unref);
    io = sinter_fs_open(fs, "a", SINTER_IO_READ, NULL);
    g_assert_null(io);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/merge/decide/%s", rows[i].name);

        g_test_add_data_func(path, &rows[i], test_decide);
    }
    g_test_add_func("/merge/journal", test_journal);
    g_test_add_func("/merge/journal/matches", test_journal_matches);
    g_test_add_func("/merge/journal/path", test_journal_path);
    g_test_add_func("/merge/leftover", test_leftover);
    return g_test_run();
}
