/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * compare: compares the content of two disks.
 */

#include "text/img-message.h"
#include "words/img-open.h"
#include "text/img-progress.h"
#include "img-verbs.h"

#include <sinter/compare.h>

#include <stdio.h>

/* Exit statuses. */
enum {
    SAME = 0,
    DIFFERENT = 1,
    NOT_OPENED = 2,
    NOT_MAPPED = 3,
    NOT_READ = 4,
};

#define STEP_PERCENT 2.0

typedef struct {
    SinterImgSource source;
    const char *second_format;
    gboolean progress;
    gboolean quiet;
    gboolean strict;
} CompareOptions;

static void G_GNUC_PRINTF(2, 3) say(const CompareOptions *options, const char *format, ...)
{
    va_list args;

    if (options->quiet)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

static int
compare_tell(const CompareOptions *options, const SinterComparison *outcome)
{
    if (outcome->verdict == SINTER_COMPARE_SIZE) {
        say(options, "Strict mode: Image size mismatch!\n");
        return DIFFERENT;
    }
    if (outcome->verdict == SINTER_COMPARE_ALLOCATION) {
        say(options, "Strict mode: Offset %" G_GUINT64_FORMAT " block status mismatch!\n",
            outcome->offset);
        return DIFFERENT;
    }
    if (outcome->sizes_differ &&
        (outcome->verdict == SINTER_COMPARE_SAME || outcome->offset >= outcome->common_size))
        say(options, "Warning: Image size mismatch!\n");
    if (outcome->verdict == SINTER_COMPARE_CONTENT) {
        say(options, "Content mismatch at offset %" G_GUINT64_FORMAT "!\n", outcome->offset);
        return DIFFERENT;
    }
    return SAME;
}

static int
compare_chains(const CompareOptions *options, SinterImgProgress *progress, SinterChain *a,
               SinterChain *b, GError **error)
{
    SinterCompareOptions how = { .strict = options->strict,
                                 .progress = sinter_img_progress_get(progress),
                                 .cancellable = sinter_img_progress_get_cancellable(progress) };
    SinterComparison outcome;
    SinterCompareStage stage;
    int status;

    if (!sinter_compare(a, b, &how, &outcome, &stage, error))
        return stage == SINTER_COMPARE_READING ? NOT_READ : NOT_MAPPED;
    status = compare_tell(options, &outcome);
    if (status == SAME)
        say(options, "Images are identical.\n");
    return status;
}

static int
compare_open(const CompareOptions *options, SinterImgProgress *progress, char **names,
             GError **error)
{
    SinterImgSource second = options->source;
    g_autoptr(SinterChain) a = NULL;
    g_autoptr(SinterChain) b = NULL;

    second.format = options->second_format;
    a = sinter_img_open_source(&options->source, names[0]);
    b = a ? sinter_img_open_source(&second, names[1]) : NULL;
    if (!b)
        return NOT_OPENED;
    sinter_img_progress_start(progress);
    return compare_chains(options, progress, a, b, error);
}

static int
compare_run(const SinterCommandCall *call, GError **error)
{
    const CompareOptions *options = call->options;
    g_autoptr(SinterImgProgress) progress = NULL;

    progress =
        sinter_img_progress_begin(sinter_img_progress_mode(options->quiet, options->progress),
                                  call->operands[0], STEP_PERCENT);
    if (!sinter_img_cache_check("source cache option", options->source.cache))
        return NOT_OPENED;
    return compare_open(options, progress, call->operands, error);
}

static const SinterOption compare_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(CompareOptions, source),
    { NULL, 'F', "FMT", "format of the second image; probed by default",
      SINTER_OPTION_MEMBER(CompareOptions, second_format) },
    { NULL, 'T', "CACHE", "cache mode of reads: none (bypass the page cache) or writeback",
      SINTER_OPTION_MEMBER(CompareOptions, source.cache) },
    { NULL, 'p', NULL, "print percentages", SINTER_OPTION_MEMBER(CompareOptions, progress) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(CompareOptions, quiet) },
    { NULL, 's', NULL, "also compare sizes and allocation",
      SINTER_OPTION_MEMBER(CompareOptions, strict) },
};

const SinterCommand sinter_img_compare = {
    .name = "compare",
    .operands = "FILE1 FILE2",
    .summary = "Compares the content of two disks, whatever their formats and chains",
    .options = compare_options,
    .n_options = G_N_ELEMENTS(compare_options),
    .options_size = sizeof(CompareOptions),
    .description = "Exit status: 0 identical, 1 different (or wrong usage), 2 an image cannot be "
                   "opened,\n3 a block status cannot be read, 4 content cannot be read.\n",
    .min_operands = 2,
    .max_operands = 2,
    .expecting = "Expecting two image file names",
    .run = compare_run,
};
