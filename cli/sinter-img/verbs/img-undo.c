/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * undo: restores an image as it was before a command changed it.
 */

#include "text/img-json.h"
#include "text/img-message.h"
#include "words/img-output.h"
#include "img-verbs.h"
#include "sinter-table.h"
#include "sinter-units.h"

#include <sinter/undo.h>

#include <stdio.h>

typedef struct {
    const char *output;
    gboolean dry_run;
    gboolean quiet;
} UndoOptions;

static char *
format_date(gint64 usec)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(usec / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;

    return local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : g_strdup("unknown");
}

static JsonArray *
ranges_to_json(const GArray *ranges)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < ranges->len; i++) {
        const SinterUndoRange *range = &g_array_index(ranges, SinterUndoRange, i);
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "offset", (gint64)range->offset);
        json_object_set_int_member(object, "length", (gint64)range->length);
        json_array_add_object_element(array, object);
    }
    return array;
}

static void
print_json(SinterUndo *undo, const char *path, const char *image, gboolean restored)
{
    g_autoptr(GArray) ranges = sinter_undo_list(undo);
    const SinterUndoInfo *info = sinter_undo_get_info(undo);
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "undo-file", path);
    json_object_set_string_member(object, "filename", image);
    json_object_set_string_member(object, "operation", info->operation);
    json_object_set_int_member(object, "date-sec", info->date_usec / G_USEC_PER_SEC);
    json_object_set_boolean_member(object, "complete", info->is_complete);
    json_object_set_int_member(object, "file-size", (gint64)info->image_bytes);
    json_object_set_int_member(object, "saved-bytes", (gint64)info->saved_bytes);
    json_object_set_array_member(object, "ranges", ranges_to_json(ranges));
    json_object_set_boolean_member(object, "restored", restored);
    json_node_take_object(node, object);
    sinter_img_json_print(node);
}

static void
print_ranges(const GArray *ranges)
{
    static const SinterTableColumn columns[] = { { "Offset", SINTER_ALIGN_RIGHT },
                                                 { "Length", SINTER_ALIGN_RIGHT } };
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;

    for (guint i = 0; i < ranges->len; i++) {
        const SinterUndoRange *range = &g_array_index(ranges, SinterUndoRange, i);
        g_autofree char *offset = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", range->offset);
        g_autofree char *length = g_strdup_printf("%" G_GUINT64_FORMAT, range->length);

        sinter_table_add_row(table, (const char *const[]){ offset, length });
    }
    text = sinter_table_format(table, TRUE);
    fputs(text, stdout);
}

static void
print_plan(SinterUndo *undo, const char *image)
{
    g_autoptr(GArray) ranges = sinter_undo_list(undo);
    const SinterUndoInfo *info = sinter_undo_get_info(undo);
    g_autofree char *date = format_date(info->date_usec);
    g_autofree char *shown = sinter_img_name(image);
    g_autofree char *operation = sinter_img_name(info->operation);

    printf("image: %s\noperation: %s\ndate: %s\ncomplete: %s\n", shown, operation, date,
           info->is_complete ? "yes" : "no, the operation was interrupted");
    printf("file size: %" G_GUINT64_FORMAT "\nbytes to restore: %" G_GUINT64_FORMAT "\n",
           info->image_bytes, info->saved_bytes);
    if (ranges->len > 0)
        print_ranges(ranges);
}

static void
print_done(SinterUndo *undo, const char *image)
{
    const SinterUndoInfo *info = sinter_undo_get_info(undo);
    g_autofree char *shown = sinter_img_name(image);
    g_autofree char *bytes = sinter_units_format_bytes(info->saved_bytes);
    g_autofree char *date = format_date(info->date_usec);

    printf("Restored '%s' as of %s (%s).\n", shown, date, bytes);
}

static int
undo_run(const SinterCommandCall *call, GError **error)
{
    const UndoOptions *options = call->options;
    const char *path = call->operands[0];
    g_autoptr(SinterUndo) undo = NULL;
    const char *image;
    gboolean json;

    if (!sinter_img_output_parse(options->output, &json))
        return 1;
    undo = sinter_undo_open(NULL, path, error);
    if (!undo)
        return 1;
    image = call->n_operands > 1 ? call->operands[1] : sinter_undo_get_info(undo)->image_path;
    if (!sinter_undo_apply(undo, NULL, image, options->dry_run, error))
        return 1;
    if (options->quiet)
        return 0;
    if (json)
        print_json(undo, path, image, !options->dry_run);
    else if (options->dry_run)
        print_plan(undo, image);
    else
        print_done(undo, image);
    return 0;
}

static const SinterOption undo_options[] = {
    { "dry-run", 'n', NULL, "change nothing; list what would be restored",
      SINTER_OPTION_MEMBER(UndoOptions, dry_run) },
    SINTER_IMG_OUTPUT_OPTION(UndoOptions, output),
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(UndoOptions, quiet) },
};

const SinterCommand sinter_img_undo = {
    .name = "undo",
    .operands = "UNDOFILE [FILE]",
    .summary = "Restores an image as it was before it was repaired or edited",
    .options = undo_options,
    .n_options = G_N_ELEMENTS(undo_options),
    .options_size = sizeof(UndoOptions),
    .description = "FILE is the image; by default the one that is named in the undo file. It must "
                   "not have been\nchanged since. If the command is interrupted, run it again.\n",
    .min_operands = 1,
    .max_operands = 2,
    .expecting = "Expecting an undo file and at most one image file name",
    .run = undo_run,
};
