/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What verbs that change an image have in common before they do. What holds: the image's locks are
 * taken by the change itself; here nothing but its first bytes is read.
 */

#include "img-change.h"
#include "text/img-message.h"

#include <stdio.h>
#include <string.h>

static void
warn_of_raw(const char *given)
{
    fprintf(stderr,
            "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
            "         Automatically detecting the format is dangerous for raw images, write "
            "operations on block 0 will be restricted.\n"
            "         Specify the 'raw' format explicitly to remove the restrictions.\n",
            given);
}

gboolean
sinter_img_change_begin(SinterImgName *name, const SinterImgSource *source, const char *given,
                        SinterImageInfo **ret_info)
{
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GError) error = NULL;

    if (!sinter_img_name_parse(name, source, given))
        return FALSE;
    name->force_share = TRUE;
    io = sinter_img_open_file(name);
    info = io ? sinter_image_info_new_for_io(io, name->format, &error) : NULL;
    if (error)
        sinter_img_name_report(name, error);
    if (!info || !sinter_img_name_check_options(name, info->format))
        return FALSE;
    if (!name->format && strcmp(info->format, "raw") == 0)
        warn_of_raw(name->path);
    *ret_info = g_steal_pointer(&info);
    return TRUE;
}

gboolean
sinter_img_change_is_open_error(const SinterImgName *name, const GError *error)
{
    g_autofree char *prefix = g_strdup_printf("Could not open '%s': ", name->path);

    return g_str_has_prefix(error->message, prefix);
}

void
sinter_img_change_hint(const GError *error)
{
    static const struct {
        const char *of;
        const char *hint;
    } hints[] = {
        { "is inconsistent and cannot be used",
          "Try block-dirty-bitmap-remove to delete this bitmap from disk" },
        { "Cannot amend the backing file", "You can use 'qemu-img rebase' instead." },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(hints); i++) {
        if (strstr(error->message, hints[i].of))
            fprintf(stderr, "%s\n", hints[i].hint);
    }
}
