/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bitmap: changes a dirty bitmap of an image by one or more actions, in the order of the command
 * line.
 */

#include "img-change.h"
#include "text/img-message.h"
#include "words/img-size.h"
#include "img-verbs.h"

#include <sinter/bitmap.h>

#include <string.h>

typedef struct {
    SinterImgSource source;
    const char *from;
    const char *from_format;
    guint64 granularity;
    gboolean adds;
    gboolean merges;
    GArray *actions; /* of SinterBitmapAction; NULL: none */
} BitmapOptions;

static const char *const action_names[] = {
    [SINTER_BITMAP_ADD] = "add",         [SINTER_BITMAP_REMOVE] = "remove",
    [SINTER_BITMAP_CLEAR] = "clear",     [SINTER_BITMAP_ENABLE] = "enable",
    [SINTER_BITMAP_DISABLE] = "disable", [SINTER_BITMAP_MERGE] = "merge",
};

static gboolean
take_action(const SinterOption *option, gpointer options, const char *source)
{
    BitmapOptions *self = options;
    int kind = option->action;
    const SinterBitmapAction action = { .kind = (SinterBitmapActionKind)kind, .source = source };

    if (!self->actions)
        self->actions = g_array_new(FALSE, FALSE, sizeof action);
    g_array_append_val(self->actions, action);
    self->adds = self->adds || kind == SINTER_BITMAP_ADD;
    self->merges = self->merges || kind == SINTER_BITMAP_MERGE;
    return TRUE;
}

static gboolean
check_usage(const BitmapOptions *self, int n_operands)
{
    const struct {
        gboolean wrong;
        const char *text;
    } rules[] = {
        { !self->actions, "Need at least one of --add, --remove, --clear, --enable, --disable, or "
                          "--merge" },
        { self->granularity && !self->adds, "granularity only supported with --add" },
        { self->from_format && !self->from, "-F only supported with -b" },
        { self->from && !self->merges, "Merge bitmap source file only supported with --merge" },
        { n_operands != 2, "Expecting filename and bitmap name" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (!rules[i].wrong)
            continue;
        sinter_img_error("%s", rules[i].text);
        return FALSE;
    }
    return TRUE;
}

static void
report(const BitmapOptions *self, const SinterImgName *name, const SinterImgName *from,
       const char *bitmap, gsize n_done, const GError *error)
{
    if (sinter_img_change_is_open_error(name, error)) {
        sinter_img_name_report(name, error);
    } else if (self->from && sinter_img_change_is_open_error(from, error)) {
        sinter_img_name_report(from, error);
    } else if (n_done < self->actions->len) {
        const SinterBitmapAction *action =
            &g_array_index(self->actions, SinterBitmapAction, n_done);

        sinter_img_error("Operation %s on bitmap %s failed: %s", action_names[action->kind], bitmap,
                         error->message);
    } else {
        sinter_img_report(error);
    }
}

/*
 * Where the change opens the images. A source of the same path must be opened once more, so that
 * it fails on the lock as for any other user of the image.
 */
static SinterFs *
change_fs(const SinterImgName *name, const SinterImgName *from)
{
    return g_strcmp0(name->path, from->path) == 0 ? NULL : name->fs;
}

static int
bitmap_run(const SinterCommandCall *call, GError **error)
{
    const BitmapOptions *self = call->options;
    const SinterImgSource from_source = { .format = self->from_format };
    g_auto(SinterImgName) name = { 0 };
    g_auto(SinterImgName) from = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(SinterImageInfo) from_info = NULL;
    g_autoptr(GError) cause = NULL;
    SinterBitmapSource source;
    SinterBitmapChange change;
    gsize n_done = 0;

    if (!check_usage(self, call->n_operands) ||
        !sinter_img_change_begin(&name, &self->source, call->operands[0], FALSE, &info) ||
        (self->from && !sinter_img_change_begin(&from, &from_source, self->from, TRUE, &from_info)))
        return 1;
    for (guint i = 0; i < self->actions->len; i++)
        g_array_index(self->actions, SinterBitmapAction, i).granularity = self->granularity;
    source = (SinterBitmapSource){ from.path, from_info ? from_info->format : NULL };
    change = (SinterBitmapChange){
        .format = info->format,
        .name = call->operands[1],
        .actions = (const SinterBitmapAction *)(gpointer)self->actions->data,
        .n_actions = self->actions->len,
        .from = self->from ? &source : NULL,
    };
    if (sinter_bitmap_change(change_fs(&name, &from), name.path, &change, &n_done, &cause))
        return 0;
    report(self, &name, &from, call->operands[1], n_done, cause);
    sinter_img_change_hint(cause);
    return 1;
}

static void
bitmap_clear(gpointer data)
{
    g_clear_pointer(&((BitmapOptions *)data)->actions, g_array_unref);
}

static const SinterOption bitmap_options[] = {
    { "format", 'f', "FMT", "image format; probed by default",
      SINTER_OPTION_MEMBER(BitmapOptions, source.format) },
    SINTER_IMG_CHANGE_OPTIONS(BitmapOptions, source),
    { "add", 0, NULL, "create the bitmap, enabled", .take = take_action,
      .action = SINTER_BITMAP_ADD },
    { "remove", 0, NULL, "remove it", .take = take_action, .action = SINTER_BITMAP_REMOVE },
    { "clear", 0, NULL, "clear all bits", .take = take_action, .action = SINTER_BITMAP_CLEAR },
    { "enable", 0, NULL, "record writes", .take = take_action, .action = SINTER_BITMAP_ENABLE },
    { "disable", 0, NULL, "stop recording writes", .take = take_action,
      .action = SINTER_BITMAP_DISABLE },
    { "merge", 0, "SOURCE", "set all bits that are set in SOURCE", .take = take_action,
      .action = SINTER_BITMAP_MERGE },
    { "granularity", 'g', "SIZE", "with --add: bytes per bit",
      SINTER_IMG_SIZED(BitmapOptions, granularity, "granularity", G_MAXINT64) },
    { "source-file", 'b', "FILE", "image that has the sources of --merge",
      SINTER_OPTION_MEMBER(BitmapOptions, from) },
    { "source-format", 'F', "FMT", "its format", SINTER_OPTION_MEMBER(BitmapOptions, from_format) },
};

const SinterCommand sinter_img_bitmap = {
    .name = "bitmap",
    .operands = "FILE BITMAP",
    .summary = "Creates, removes, merges, enables and disables dirty bitmaps",
    .options = bitmap_options,
    .n_options = G_N_ELEMENTS(bitmap_options),
    .options_size = sizeof(BitmapOptions),
    .description = "Actions are performed in the given order.\n",
    .max_operands = G_MAXUINT,
    .run = bitmap_run,
    .clear = bitmap_clear,
};
