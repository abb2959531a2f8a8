/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rescues one image: as it is, and with its header taken away. Holds that each proposal has a
 * reason and is inside the disk, and that an image to which all proposals were applied can be
 * opened and has no damaged refcounts or tables but those that it had.
 */

#include "fuzz.h"

#include <sinter/check.h>
#include <sinter/rescue.h>

#define PATH "/a/image"
#define HEADER_BYTES 512

static void
judge_steps(const SinterRescueResult *result, guint64 file_bytes)
{
    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRescueStep *step = &g_array_index(result->steps, SinterRescueStep, i);

        g_assert(step->reasons && g_utf8_validate(step->reasons, -1, NULL));
        g_assert(step->host_offset < file_bytes);
        g_assert(step->kind == SINTER_RESCUE_HEADER || step->guest_offset < result->virtual_bytes);
    }
    for (guint i = 0; i < result->unplaced->len; i++) {
        SinterRescueRange range = g_array_index(result->unplaced, SinterRescueRange, i);

        g_assert(range.bytes > 0 && range.offset + range.bytes <= file_bytes);
    }
}

/* A new header has refcounts that are exact. */
static void
judge_image(SinterFs *fs)
{
    const SinterCheckOptions options = { .flags = SINTER_CHECK_KEEP_GOING, .n_threads = 1 };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterCheckResult) result = sinter_image_check(fs, PATH, "qcow2", &options, &error);

    g_assert(result && !result->trouble);
    g_assert(result->per_code[SINTER_FINDING_REFCOUNT_TOO_LOW] == 0);
}

static void
rescue(const guint8 *data, gsize size, gboolean header_is_lost)
{
    static const guint8 zeros[HEADER_BYTES];
    const SinterRescueOptions options = { .apply = SINTER_RESCUE_LIKELY, .has_no_backing = TRUE };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterRescueResult) result = NULL;
    g_autoptr(GError) error = NULL;

    fuzz_add_file(fs, PATH, data, size);
    if (header_is_lost && size >= HEADER_BYTES) {
        g_autoptr(SinterIo) io = sinter_fs_open(fs, PATH, SINTER_IO_WRITE, NULL);

        g_assert(sinter_io_write(io, 0, zeros, sizeof zeros, NULL));
    }
    result = sinter_image_rescue(fs, PATH, "qcow2", &options, &error);
    g_assert((result == NULL) == (error != NULL));
    if (!result)
        return;
    judge_steps(result, size);
    if (result->applied && result->header_is_lost)
        judge_image(fs);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    rescue(data, size, FALSE);
    rescue(data, size, TRUE);
    return 0;
}
