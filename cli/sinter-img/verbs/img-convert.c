/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * convert: copies disks into an image or to standard output. This file parses the command line.
 */

#include "img-convert-do.h"
#include "words/img-keyval.h"
#include "text/img-message.h"
#include "words/img-new-image.h"
#include "words/img-size.h"
#include "img-verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR_BYTES 512
#define SPARSE_MAX_BYTES (16 * 1024 * 1024)
#define THREADS_MAX 16
#define STEP_PERCENT 1.0

/* Options whose values are checked during parsing. */

static gboolean
convert_take_sparse(const SinterOption *option, gpointer options, const char *value)
{
    SinterImgConvertOptions *self = options;

    self->has_sparse = TRUE;
    if (!sinter_img_size_argument("buffer size for sparse output", value, 0, G_MAXINT64,
                                  &self->sparse_bytes))
        return FALSE;
    if (self->sparse_bytes % SECTOR_BYTES == 0 && self->sparse_bytes <= SPARSE_MAX_BYTES)
        return TRUE;
    sinter_img_error("Invalid buffer size for sparse output specified. Valid sizes are multiples "
                     "of %d up to %d. Select 0 to disable sparse detection (fully allocates "
                     "output).",
                     SECTOR_BYTES, SPARSE_MAX_BYTES);
    return FALSE;
}

static gboolean
convert_take_threads(const SinterOption *option, gpointer options, const char *value)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(value, &end, 0);
    if (errno == 0 && end != value && *end == '\0' && n >= 1 && n <= THREADS_MAX) {
        ((SinterImgConvertOptions *)options)->n_threads = (guint)n;
        return TRUE;
    }
    sinter_img_error("Invalid number of coroutines. Allowed number of coroutines is between 1 and "
                     "%d",
                     THREADS_MAX);
    return FALSE;
}

/* Checks for contradicting options; reports the first one in this order. */
static gboolean
convert_check_usage(const SinterImgConvertOptions *self)
{
    const struct {
        gboolean wrong;
        const char *text;
    } rules[] = {
        { self->skip_broken_bitmaps && !self->bitmaps,
          "Use of --skip-broken-bitmaps requires --bitmaps" },
        { self->compress && self->offload, "Cannot enable copy offloading when -c is used" },
        { self->has_sparse && self->offload, "Cannot enable copy offloading when -S is used" },
        { self->salvage && self->offload, "Cannot use copy offloading in salvaging mode" },
        { self->target_image_opts && !self->existing,
          "--target-image-opts requires use of -n flag" },
        { self->list && self->existing, "-o has no effect when skipping image creation" },
        { self->target_is_zero && !self->existing, "--target-is-zero requires use of -n flag" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].wrong) {
            sinter_img_error("%s", rules[i].text);
            return FALSE;
        }
    }
    return TRUE;
}

/* Percentages go to standard output, so they are off if that is also the target. */
static SinterImgProgressMode
convert_progress_mode(const SinterImgConvertOptions *self, const char *target)
{
    return sinter_img_progress_mode(self->quiet, self->progress && strcmp(target, "-") != 0);
}

/* Returns: the exit status. */
static int
convert_help(const SinterImgConvertOptions *self, gboolean has_file)
{
    g_auto(SinterImgNewImage) image = { 0 };

    if (!sinter_img_new_image_init(&image, sinter_img_convert_format(self))) {
        g_autofree char *why = sinter_img_new_image_refusal(sinter_img_convert_format(self));

        sinter_img_error("%s", why);
        return 1;
    }
    sinter_img_new_image_print_help(&image, has_file);
    return 0;
}

static int
convert_run(const SinterCommandCall *call, GError **error)
{
    const SinterImgConvertOptions *self = call->options;
    g_autoptr(SinterImgProgress) progress = NULL;

    if (!convert_check_usage(self))
        return 1;
    if (self->list && sinter_img_option_list_has_help(self->list))
        return convert_help(self, call->n_operands > 1);
    if (call->n_operands < 2) {
        sinter_img_error("Must specify image file name");
        return 1;
    }
    if (strcmp(call->operands[call->n_operands - 1], "-") == 0 && isatty(STDOUT_FILENO)) {
        sinter_img_error("Refusing to write disk content to a terminal");
        return 1;
    }
    if (!sinter_img_cache_check("source cache option", self->source.cache))
        return 1;
    progress =
        sinter_img_progress_begin(convert_progress_mode(self, call->operands[call->n_operands - 1]),
                                  call->operands[0], STEP_PERCENT);
    sinter_img_progress_start(progress);
    return sinter_img_convert_do(self, progress, call->operands, call->n_operands) ? 0 : 1;
}

static void
convert_clear(gpointer data)
{
    SinterImgConvertOptions *self = data;

    sinter_img_snapshot_clear(&self->snapshot);
    g_free(self->list);
}

#define FLAG(name, letter, member, help)                                                           \
    {                                                                                              \
        name, letter, NULL, help, SINTER_OPTION_MEMBER(SinterImgConvertOptions, member)            \
    }
#define TEXT(letter, value, member, help)                                                          \
    {                                                                                              \
        NULL, letter, value, help, SINTER_OPTION_MEMBER(SinterImgConvertOptions, member)           \
    }

static const SinterOption convert_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(SinterImgConvertOptions, source),
    TEXT('O', "FMT", target_format, "format of the target (raw)"),
    { NULL, 'o', "OPTIONS", "options of the target, as for create; 'help' lists them",
      SINTER_OPTION_MEMBER(SinterImgConvertOptions, list), .take = sinter_img_option_list_take },
    FLAG(NULL, 'c', compress, "compress the target"),
    TEXT('B', "FILE", backing_file, "backing file of the target; its content is not copied"),
    TEXT('F', "FMT", backing_format, "its format"),
    { NULL, 'l', "SNAPSHOT", "internal snapshot of FILE, by ID or name",
      SINTER_OPTION_MEMBER(SinterImgConvertOptions, snapshot), .take = sinter_img_snapshot_take },
    FLAG(NULL, 'n', existing, "write to an existing target, which must be large enough"),
    FLAG("target-is-zero", 0, target_is_zero, "with -n: assume that the target reads as zeros"),
    FLAG("target-image-opts", 0, target_image_opts,
         "with -n: the target is driver=FMT,file.filename=FILE"),
    { NULL, 'S', "SIZE", "consecutive zero bytes that become a hole (4k); 0: no holes",
      .take = convert_take_sparse },
    FLAG("salvage", 0, salvage, "continue on read errors, and write zeros instead"),
    { NULL, 'r', "RATE", "limit in bytes per second",
      SINTER_IMG_SIZED(SinterImgConvertOptions, rate_bytes_per_sec, "rate limit", G_MAXINT64) },
    { NULL, 'm', "N", "number of parallel threads (1 to 16)", .take = convert_take_threads },
    FLAG(NULL, 'W', unordered, "allow writes out of order"),
    TEXT('t', "CACHE", target_cache,
         "cache mode of writes: none (bypass the page cache) or writeback"),
    TEXT('T', "CACHE", source.cache, "cache mode of reads, as for -t"),
    FLAG(NULL, 'p', progress, "print percentages"),
    FLAG(NULL, 'q', quiet, "print only errors"),
    FLAG("verbose", 'v', verbose, "say which snapshots and bitmaps are not copied"),
    FLAG(NULL, 'C', offload, "let the kernel copy; do not detect zeros"),
    FLAG("bitmaps", 0, bitmaps, "also copy the dirty bitmaps of FILE"),
    FLAG("skip-broken-bitmaps", 0, skip_broken_bitmaps, "skip inconsistent bitmaps"),
};

const SinterCommand sinter_img_convert = {
    .name = "convert",
    .operands = "FILE... TARGET",
    .summary = "Copies disks to an image, or to standard output (-)",
    .options = convert_options,
    .n_options = G_N_ELEMENTS(convert_options),
    .options_size = sizeof(SinterImgConvertOptions),
    .description = "Exit status 0 means that the target is complete and on stable storage. It "
                   "appears\nunder its name only then; an existing file is kept until then.\n",
    .max_operands = G_MAXUINT,
    .run = convert_run,
    .clear = convert_clear,
};
