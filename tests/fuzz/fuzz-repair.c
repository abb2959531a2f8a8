/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Repairs one image, whatever it is. Holds that a repair that ends has a state, that what stays has
 * a reason, that a second repair changes no byte and ends alike, and that all that a guest could
 * read before reads the same after. Where a guest's cluster and a table are one, what the guest
 * reads there is no content that could be kept: there the last is not asked.
 */

#include "fuzz.h"
#include "guest-pieces.h"

#include <sinter/repair.h>
#include <string.h>

#define PATH "/a/image"
#define MAX_BYTES (256 * 1024)

static GBytes *
content(SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, PATH, SINTER_IO_READ, NULL);
    g_autofree guint8 *buf = NULL;
    guint64 size;

    g_assert(sinter_io_get_size(io, &size, NULL));
    buf = g_malloc((gsize)size + 1);
    g_assert(sinter_io_read(io, 0, buf, (gsize)size, NULL));
    return g_bytes_new_take(g_steal_pointer(&buf), (gsize)size);
}

static SinterRepairResult *
repair(SinterFs *fs, SinterRepairLevel level)
{
    const SinterRepairOptions options = {
        .level = level,
        .check = { .flags = SINTER_CHECK_KEEP_GOING, .max_per_code = 20, .n_threads = 1 },
    };
    g_autoptr(GError) error = NULL;
    SinterRepairResult *result = sinter_image_repair(fs, PATH, "qcow2", &options, &error);

    g_assert((result == NULL) == (error != NULL));
    return result;
}

static guint64
count_bad(const SinterRepairResult *result)
{
    const SinterCheckCounts *counts = &sinter_repair_result_get_state(result)->counts;

    return counts->corruptions + counts->errors;
}

static void
judge_steps(const SinterRepairResult *result)
{
    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRepairStep *step = &g_array_index(result->steps, SinterRepairStep, i);

        g_assert(step->times > 0);
        g_assert(step->state != SINTER_REPAIR_PLANNED);
        g_assert(step->state != SINTER_REPAIR_LEFT || (step->reason && *step->reason));
    }
}

/* Whether tables and guest data share clusters: no reading of these is right. */
static gboolean
is_entangled(const SinterRepairResult *result)
{
    const guint64 *per_code = result->before->per_code;

    return per_code[SINTER_FINDING_METADATA_OVERLAP] > 0 ||
           per_code[SINTER_FINDING_REFBLOCK_SHARED] > 0;
}

static void
judge(SinterFs *fs, SinterRepairLevel level)
{
    g_autoptr(GuestPieces) before = guest_pieces_read(fs, PATH);
    g_autoptr(SinterRepairResult) first = repair(fs, level);
    g_autoptr(SinterRepairResult) second = NULL;
    g_autoptr(GuestPieces) after = guest_pieces_read(fs, PATH);
    g_autoptr(GBytes) bytes = content(fs);
    g_autoptr(GBytes) again = NULL;
    g_autofree char *trouble = guest_pieces_compare(before, after);

    if (!first)
        return;
    judge_steps(first);
    if (trouble && !is_entangled(first))
        g_error("%s", trouble);
    second = repair(fs, level);
    g_assert(second && count_bad(first) == count_bad(second));
    again = content(fs);
    g_assert(g_bytes_equal(bytes, again));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const SinterRepairLevel levels[] = { SINTER_REPAIR_LEAKS, SINTER_REPAIR_ALL };

    for (gsize i = 0; i < G_N_ELEMENTS(levels) && size <= MAX_BYTES; i++) {
        g_autoptr(SinterFs) fs = sinter_fs_new_memory();

        fuzz_add_file(fs, PATH, data, size);
        judge(fs, levels[i]);
    }
    return 0;
}
