/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * resize: changes the size of a disk, to an absolute size or by a difference.
 */

#include "img-change.h"
#include "words/img-keyval.h"
#include "text/img-message.h"
#include "img-verbs.h"

#include <sinter/format.h>
#include <sinter/resize.h>

#include <stdio.h>
#include <string.h>

/* The largest file offset, rounded down to whole clusters of every size. */
#define SIZE_MAX_BYTES G_GUINT64_CONSTANT(9223372035781033984)

typedef struct {
    SinterImgSource source;
    SinterPreallocation preallocation;
    gboolean shrink;
    gboolean quiet;
} ResizeOptions;

static gboolean
take_preallocation(const SinterOption *option, gpointer options, const char *value)
{
    static const char *const modes[] = {
        [SINTER_PREALLOCATION_OFF] = "off",
        [SINTER_PREALLOCATION_METADATA] = "metadata",
        [SINTER_PREALLOCATION_FALLOC] = "falloc",
        [SINTER_PREALLOCATION_FULL] = "full",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(value, modes[i]) != 0)
            continue;
        ((ResizeOptions *)options)->preallocation = (SinterPreallocation)i;
        return TRUE;
    }
    sinter_img_error("Invalid preallocation mode '%s'", value);
    return FALSE;
}

/* "10G", "+1G", "-1G": the sign and the bytes. Returns FALSE after a message. */
static gboolean
parse_size(const char *text, char *ret_sign, guint64 *ret)
{
    static const SinterImgKey keys[] = { { "size", SINTER_IMG_SIZE, 0 } };
    g_autofree char *list = NULL;

    *ret_sign = *text == '+' || *text == '-' ? *text : '\0';
    list = g_strdup_printf("size=%s", *ret_sign ? text + 1 : text);
    return sinter_img_option_list_parse(list, keys, G_N_ELEMENTS(keys), ret);
}

/* Returns the new size, with the same overflow behaviour as qemu-img; 0: not a possible size. */
static guint64
total_size(guint64 current, char sign, guint64 bytes)
{
    guint64 total = bytes;

    if (sign == '+')
        total = current + bytes;
    else if (sign == '-')
        total = current - bytes;
    return total > G_MAXINT64 ? 0 : total;
}

static gboolean
check_size(const ResizeOptions *self, guint64 current, guint64 total)
{
    if (total == 0) {
        sinter_img_error("New image size must be positive");
    } else if (total <= current && self->preallocation != SINTER_PREALLOCATION_OFF) {
        sinter_img_error("Preallocation can only be used for growing images");
    } else if (total < current && !self->shrink) {
        sinter_img_error("Use the --shrink option to perform a shrink operation.");
        sinter_img_warning("Shrinking an image will delete all data beyond the shrunken image's "
                           "end. Before performing such an operation, make sure there is no "
                           "important data there.");
    } else if (total > SIZE_MAX_BYTES) {
        sinter_img_error("offset(%" G_GUINT64_FORMAT ") exceeds maximum(%" G_GUINT64_FORMAT ")",
                         total, SIZE_MAX_BYTES);
    } else {
        return TRUE;
    }
    return FALSE;
}

static int
resize_run(const SinterCommandCall *call, GError **error)
{
    const ResizeOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) cause = NULL;
    SinterResizeOptions how = { .preallocation = self->preallocation, .shrink = self->shrink };
    guint64 bytes = 0;
    char sign;

    if (!parse_size(call->operands[1], &sign, &bytes) ||
        !sinter_img_change_begin(&name, &self->source, call->operands[0], FALSE, &info))
        return 1;
    if (!sinter_format_lookup(info->format)->resize) {
        sinter_img_error("Image format driver does not support resize");
        return 1;
    }
    how.size = total_size(info->virtual_size, sign, bytes);
    if (!check_size(self, info->virtual_size, how.size))
        return 1;
    if (!sinter_image_resize(name.fs, name.path, info->format, SINTER_HANDLE_PROBE, &how, &cause)) {
        sinter_img_name_report(&name, cause);
        sinter_img_change_hint(cause);
        return 1;
    }
    if (!self->quiet)
        puts("Image resized.");
    return 0;
}

static const SinterOption resize_options[] = {
    { "format", 'f', "FMT", "image format; probed by default",
      SINTER_OPTION_MEMBER(ResizeOptions, source.format) },
    SINTER_IMG_CHANGE_OPTIONS(ResizeOptions, source),
    { "preallocation", 0, "MODE", "preallocation of the added range: off, metadata, falloc or full",
      .take = take_preallocation },
    { "shrink", 0, NULL, "allow a smaller size; data behind the new end is lost",
      SINTER_OPTION_MEMBER(ResizeOptions, shrink) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(ResizeOptions, quiet) },
};

const SinterCommand sinter_img_resize = {
    .name = "resize",
    .operands = "FILE [+|-]SIZE",
    .summary = "Changes the size of a disk",
    .options = resize_options,
    .n_options = G_N_ELEMENTS(resize_options),
    .options_size = sizeof(ResizeOptions),
    .last_is_operand = TRUE,
    .min_operands = 2,
    .max_operands = 2,
    .expecting = "Expecting image file name and size",
    .run = resize_run,
};
