/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * edit: changes single bytes of an image, for experts. Invariant: the user has seen the bytes
 * before they change, or has given --yes.
 */

#include "text/img-message.h"
#include "words/img-confirm.h"
#include "words/img-size.h"
#include "words/img-undo-file.h"
#include "img-change.h"
#include "img-verbs.h"
#include "sinter-error.h"

#include <sinter/patch.h>

#include <stdio.h>
#include <string.h>

typedef struct {
    SinterImgSource source;
    const char *undo_file;
    const char *action; /* the option that was given */
    SinterPatch patch;
    gboolean yes;
    gboolean quiet;
} EditOptions;

/* Takes the one action of the command line. */
static EditOptions *
take_kind(const SinterOption *option, gpointer options)
{
    EditOptions *self = options;

    if (self->action) {
        sinter_img_usage_error("Cannot mix '--%s' and '--%s'", self->action, option->name);
        return NULL;
    }
    self->action = option->name;
    self->patch.kind = (SinterPatchKind)option->action;
    return self;
}

static gboolean
take_flag(const SinterOption *option, gpointer options, const char *value)
{
    EditOptions *self = take_kind(option, options);

    if (self)
        self->patch.flag = value;
    return self != NULL;
}

static gboolean
take_guest_offset(const SinterOption *option, gpointer options, const char *value)
{
    EditOptions *self = take_kind(option, options);

    return self &&
           sinter_img_size_argument("guest offset", value, 0, G_MAXINT64, &self->patch.offset);
}

/* Splits "A:B"; parses A as an offset and returns B, NULL after a message. */
static const char *
split_offset(const char *value, const char *expected, guint64 *ret)
{
    const char *colon = strchr(value, ':');
    g_autofree char *first = colon ? g_strndup(value, (gsize)(colon - value)) : NULL;

    if (!colon) {
        sinter_img_error("'%s' is not of the form %s", value, expected);
        return NULL;
    }
    return sinter_img_size_argument("offset", first, 0, G_MAXINT64, ret) ? colon + 1 : NULL;
}

static gboolean
take_copy(const SinterOption *option, gpointer options, const char *value)
{
    EditOptions *self = take_kind(option, options);
    const char *rest = self ? split_offset(value, "FROM:TO", &self->patch.offset) : NULL;

    return rest && sinter_img_size_argument("offset", rest, 0, G_MAXINT64, &self->patch.target);
}

static gboolean
parse_hex(const char *hex, SinterPatch *patch)
{
    gsize len = strlen(hex);

    if (len == 0 || len % 2 != 0 || len > SINTER_PATCH_MAX_BYTES * 2)
        return FALSE;
    for (gsize i = 0; i < len; i += 2) {
        int high = g_ascii_xdigit_value(hex[i]);
        int low = g_ascii_xdigit_value(hex[i + 1]);

        if (high < 0 || low < 0)
            return FALSE;
        patch->bytes[i / 2] = (guint8)(high << 4 | low);
    }
    patch->n_bytes = len / 2;
    return TRUE;
}

static gboolean
take_write(const SinterOption *option, gpointer options, const char *value)
{
    EditOptions *self = take_kind(option, options);
    const char *hex = self ? split_offset(value, "OFFSET:HEX", &self->patch.offset) : NULL;

    if (!hex)
        return FALSE;
    if (parse_hex(hex, &self->patch))
        return TRUE;
    sinter_img_error("'%s' must be 1 to %d bytes, each with two hexadecimal digits", hex,
                     SINTER_PATCH_MAX_BYTES);
    return FALSE;
}

static void
print_bytes(const char *label, const guint8 *bytes, guint64 length)
{
    guint64 shown = MIN(length, SINTER_PATCH_SHOWN_BYTES);

    printf("  %-6s", label);
    for (guint64 i = 0; i < shown; i++)
        printf(" %02x", bytes[i]);
    puts(length > shown ? " ..." : "");
}

/* What the user has decided. */
typedef struct {
    const EditOptions *options;
    gboolean refused;
} Decision;

static gboolean
confirm(const SinterPatchChange *change, gpointer user_data)
{
    Decision *self = user_data;

    if (!self->options->quiet || !self->options->yes) {
        printf("%s, %" G_GUINT64_FORMAT " byte%s at offset 0x%" G_GINT64_MODIFIER "x:\n",
               change->what, change->length, change->length == 1 ? "" : "s", change->offset);
        print_bytes("before", change->before, change->length);
        print_bytes("after", change->after, change->length);
        if (change->note)
            printf("Note: %s.\n", change->note);
    }
    self->refused = !sinter_img_confirm("Change the image?", self->options->yes);
    return !self->refused;
}

static int
edit_do(const EditOptions *self, const SinterImgName *name, const char *format)
{
    g_auto(SinterImgUndoFile) undo = { 0 };
    g_autofree char *operation = g_strdup_printf("edit --%s", self->action);
    Decision decision = { .options = self };
    SinterPatch patch = self->patch;
    g_autoptr(GError) error = NULL;
    gboolean changed = FALSE;
    gboolean ok;

    if (!sinter_img_undo_file_begin(&undo, name, self->undo_file, operation))
        return 1;
    patch.confirm = confirm;
    patch.user_data = &decision;
    ok = sinter_image_patch(undo.fs, name->path, format, &patch, &changed, &error);
    if (!ok)
        sinter_img_name_report(name, error);
    if (!sinter_img_undo_file_end(&undo, !self->quiet, NULL) || !ok)
        return 1;
    if (decision.refused)
        return 1;
    if (!changed && !self->quiet)
        puts("Nothing was changed: the bytes are there already.");
    return 0;
}

static int
edit_run(const SinterCommandCall *call, GError **error)
{
    const EditOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;

    if (!self->action)
        return sinter_img_usage_error("Must specify what to change");
    if (!sinter_img_change_begin(&name, &self->source, call->operands[0], FALSE, &info))
        return 1;
    return edit_do(self, &name, info->format);
}

static const SinterOption edit_options[] = {
    { "format", 'f', "FMT", "image format; probed by default",
      SINTER_OPTION_MEMBER(EditOptions, source.format) },
    SINTER_IMG_CHANGE_OPTIONS(EditOptions, source),
    { "set-flag", 0, "FLAG", "set a feature flag in the header", .take = take_flag,
      .action = SINTER_PATCH_SET_FLAG },
    { "clear-flag", 0, "FLAG", "clear a feature flag in the header", .take = take_flag,
      .action = SINTER_PATCH_CLEAR_FLAG },
    { "write", 0, "OFFSET:HEX", "write 1 to 8 bytes, given as hexadecimal digits",
      .take = take_write, .action = SINTER_PATCH_WRITE },
    { "copy-cluster", 0, "FROM:TO", "copy the cluster at offset FROM over the one at offset TO",
      .take = take_copy, .action = SINTER_PATCH_COPY_CLUSTER },
    { "empty-l1", 0, "OFFSET", "clear the L1 entry of this guest offset", .take = take_guest_offset,
      .action = SINTER_PATCH_EMPTY_L1 },
    { "empty-l2", 0, "OFFSET", "clear the L2 entry of this guest offset", .take = take_guest_offset,
      .action = SINTER_PATCH_EMPTY_L2 },
    { "yes", 'y', NULL, "change the image without a question",
      SINTER_OPTION_MEMBER(EditOptions, yes) },
    SINTER_IMG_UNDO_OPTION(EditOptions, undo_file),
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(EditOptions, quiet) },
};

const SinterCommand sinter_img_edit = {
    .name = "edit",
    .operands = "FILE",
    .summary = "Changes single bytes of an image (for experts)",
    .options = edit_options,
    .n_options = G_N_ELEMENTS(edit_options),
    .options_size = sizeof(EditOptions),
    .description =
        "Shows the bytes before and after the change and asks for confirmation. Nothing else is\n"
        "changed: check the image afterwards. 'sinter-img undo' takes the change back.\n\n"
        "FLAG: dirty, corrupt, data-file, compression-type, extended-l2, lazy-refcounts, bitmaps,\n"
        "data-file-raw; or incompatible:N, compatible:N, autoclear:N with the number of a bit.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = edit_run,
};
