/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dd: copies a part of a disk into a new image.
 */

#include "text/img-message.h"
#include "words/img-new-image.h"
#include "words/img-open.h"
#include "words/img-size.h"
#include "img-verbs.h"

#include <sinter/convert.h>
#include <sinter/format.h>

#include <string.h>

#define DEFAULT_BLOCK_BYTES 512

typedef struct {
    SinterImgSource source;
    const char *target_format;
} DdOptions;

/* The values of the operands. */
typedef struct {
    const char *in;
    const char *out;
    guint64 block_bytes;
    guint64 count; /* blocks */
    gboolean has_count;
    guint64 skip; /* blocks */
} Dd;

static gboolean
dd_take(Dd *self, const char *key, const char *value)
{
    if (strcmp(key, "if") == 0)
        self->in = value;
    else if (strcmp(key, "of") == 0)
        self->out = value;
    else if (strcmp(key, "bs") == 0)
        return sinter_img_size_argument("bs", value, 1, G_MAXINT, &self->block_bytes);
    else if (strcmp(key, "skip") == 0)
        return sinter_img_size_argument("skip", value, 0, G_MAXINT64, &self->skip);
    else if (strcmp(key, "count") == 0) {
        self->has_count = TRUE;
        return sinter_img_size_argument("count", value, 0, G_MAXINT64, &self->count);
    } else {
        sinter_img_error("unrecognized operand %s", key);
        return FALSE;
    }
    return TRUE;
}

static gboolean
dd_parse(Dd *self, char **operands, int n_operands)
{
    for (int i = 0; i < n_operands; i++) {
        const char *equals = strchr(operands[i], '=');
        g_autofree char *key =
            equals ? g_strndup(operands[i], (gsize)(equals - operands[i])) : g_strdup(operands[i]);

        if (!equals) {
            sinter_img_error("unrecognized operand %s", key);
            return FALSE;
        }
        if (!dd_take(self, key, equals + 1))
            return FALSE;
    }
    if (self->in && self->out)
        return TRUE;
    sinter_img_error("Must specify both input and output files");
    return FALSE;
}

/* Sets the range to copy; a range that begins beyond the end of the disk is empty. */
static void
dd_set_part(const Dd *self, guint64 size, SinterConvertOptions *how)
{
    guint64 length = G_MAXUINT64;

    how->has_part = TRUE;
    if (!g_uint64_checked_mul(&how->part_offset, self->skip, self->block_bytes))
        how->part_offset = G_MAXUINT64;
    if (self->has_count && !g_uint64_checked_mul(&length, self->count, self->block_bytes))
        length = G_MAXUINT64;
    how->part_length = length;
    if (how->part_offset > size)
        sinter_img_error("%s: cannot skip to specified offset", self->in);
}

static gboolean
dd_copy(const Dd *self, SinterChain *chain, const SinterImgNewImage *image)
{
    g_autofree char *protocol = NULL;
    const char *path = sinter_img_strip_protocol(self->out, &protocol);
    SinterConvertOptions how = { 0 };
    SinterCreateOptions what;
    g_autoptr(GError) error = NULL;

    if (!path) {
        sinter_img_error("Unknown protocol '%s'", protocol);
        return FALSE;
    }
    dd_set_part(self, sinter_chain_get_virtual_size(chain), &how);
    if (sinter_img_new_image_fill(image, &what, &error) &&
        sinter_convert_to_image(&chain, 1, path, &what, &how, &error))
        return TRUE;
    /* the engine reports a conversion; here the operation is creating the file */
    sinter_img_report_as(error, SINTER_STAGE_CONVERT, path,
                         "%s: error while creating output image: ", self->out);
    return FALSE;
}

static int
dd_run(const SinterCommandCall *call, GError **error)
{
    const DdOptions *options = call->options;
    const char *format = options->target_format ? options->target_format : "raw";
    g_auto(SinterImgNewImage) image = { 0 };
    g_autoptr(SinterChain) chain = NULL;
    Dd self = { .block_bytes = DEFAULT_BLOCK_BYTES };

    if (!dd_parse(&self, call->operands, call->n_operands))
        return 1;
    chain = sinter_img_open_source(&options->source, self.in);
    if (!chain)
        return 1;
    if (!sinter_img_new_image_init(&image, format)) {
        g_autofree char *why = sinter_img_new_image_refusal(format);

        /* like qemu-img, do not name an unknown format */
        sinter_img_error("%s", sinter_format_lookup(format) ? why : "Unknown file format");
        return 1;
    }
    return dd_copy(&self, chain, &image) ? 0 : 1;
}

static const SinterOption dd_options[] = {
    SINTER_IMG_SOURCE_OPTIONS(DdOptions, source),
    { NULL, 'O', "FMT", "format of the new image (raw)",
      SINTER_OPTION_MEMBER(DdOptions, target_format) },
};

const SinterCommand sinter_img_dd = {
    .name = "dd",
    .operands = "if=FILE of=TARGET [bs=SIZE] [count=BLOCKS] [skip=BLOCKS]",
    .summary = "Copies part of a disk to a new image",
    .options = dd_options,
    .n_options = G_N_ELEMENTS(dd_options),
    .options_size = sizeof(DdOptions),
    .description = "The block size is SIZE (512). Exit status 0 means that the target is complete "
                   "and on\nstable storage; it appears under its name only then.\n",
    .max_operands = G_MAXUINT,
    .run = dd_run,
};
