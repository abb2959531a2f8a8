/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * snapshot: lists, creates, applies and deletes the internal snapshots of an image.
 */

#include "img-change.h"
#include "text/img-info-text.h"
#include "text/img-message.h"
#include "img-verbs.h"
#include "sinter-error.h"

#include <sinter/format.h>
#include <sinter/snapshot.h>

#include <stdio.h>
#include <string.h>

/* The maximum length of a name; like qemu-img, longer names are truncated. */
#define NAME_MAX_BYTES 255

typedef enum {
    ACTION_NONE,
    ACTION_LIST,
    ACTION_CREATE,
    ACTION_APPLY,
    ACTION_DELETE,
} Action;

typedef struct {
    SinterImgSource source;
    gboolean quiet;
    Action action;
    const char *snapshot;
    char **kept; /* NULL: --delete-except was not given */
} SnapshotOptions;

static gboolean
take_action(const SinterOption *option, gpointer options, const char *snapshot)
{
    SnapshotOptions *self = options;

    if (self->action != ACTION_NONE) {
        sinter_img_usage_error("Cannot mix '-l', '-a', '-c', '-d'");
        return FALSE;
    }
    self->action = (Action)option->action;
    self->snapshot = snapshot;
    return TRUE;
}

static int
snapshot_list(const SnapshotOptions *self, const char *given)
{
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GError) error = NULL;

    if (!sinter_img_name_parse(&name, &self->source, given))
        return 1;
    chain = sinter_img_open_chain(&name, NULL);
    io = chain ? sinter_img_open_file(&name) : NULL;
    if (!io)
        return 1;
    list = sinter_image_list_snapshots(io, sinter_chain_get_info(chain, 0)->format, &error);
    if (!list) {
        sinter_img_name_report(&name, error);
        return 1;
    }
    sinter_img_info_print_snapshots(list);
    return 0;
}

/* The messages of qemu-img for failures that it knows only as a number. */
static void
report_create(const char *snapshot, const GError *error)
{
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED))
        sinter_img_error("Could not create snapshot '%s': -95 (Operation not supported)", snapshot);
    else if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT))
        sinter_img_error("Could not create snapshot '%s': -22 (Invalid argument): %s", snapshot,
                         error->message);
    else
        sinter_img_error("Could not create snapshot '%s': %s", snapshot, error->message);
}

static void
report_apply(const char *snapshot, const char *format, const GError *error)
{
    const char *why = error->message;

    if (!sinter_format_lookup(format)->snapshot)
        why = "Block driver does not support snapshots";
    else if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        why = "Failed to load snapshot: No such file or directory";
    else if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED))
        why = "Failed to load snapshot: Operation not supported";
    sinter_img_error("Could not apply snapshot '%s': %s", snapshot, why);
}

static void
report_delete(const char *snapshot, const GError *error)
{
    gboolean none = g_error_matches(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
                    g_error_matches(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);

    sinter_img_error("Could not delete snapshot '%s': %s", snapshot,
                     none ? "snapshot not found" : error->message);
}

static void
report_delete_except(const GError *error)
{
    sinter_img_error("Could not delete snapshots: %s", error->message);
}

static void
report(const SnapshotOptions *self, const SinterImgName *name, const char *snapshot,
       const char *format, const GError *error)
{
    if (sinter_img_change_is_open_error(name, error))
        sinter_img_name_report(name, error);
    else if (self->kept)
        report_delete_except(error);
    else if (self->action == ACTION_CREATE)
        report_create(snapshot, error);
    else if (self->action == ACTION_APPLY)
        report_apply(snapshot, format, error);
    else
        report_delete(snapshot, error);
}

static gboolean
snapshot_change(const SnapshotOptions *self, const SinterImgName *name, const char *snapshot,
                const char *format, GError **error)
{
    if (self->kept)
        return sinter_snapshot_delete_except(name->fs, name->path, format, SINTER_HANDLE_PROBE,
                                             (const char *const *)self->kept, error);
    switch (self->action) {
    case ACTION_CREATE:
        return sinter_snapshot_create(name->fs, name->path, format, SINTER_HANDLE_PROBE, snapshot,
                                      g_get_real_time(), error);
    case ACTION_APPLY:
        return sinter_snapshot_apply(name->fs, name->path, format, SINTER_HANDLE_PROBE, snapshot,
                                     SINTER_SNAPSHOT_BY_ID_OR_NAME, error);
    case ACTION_DELETE:
        return sinter_snapshot_delete(name->fs, name->path, format, SINTER_HANDLE_PROBE, snapshot,
                                      SINTER_SNAPSHOT_BY_NAME, error);
    default:
        return TRUE;
    }
}

static int
snapshot_run(const SinterCommandCall *call, GError **error)
{
    const SnapshotOptions *self = call->options;
    g_auto(SinterImgName) name = { 0 };
    g_autoptr(SinterImageInfo) info = NULL;
    g_autoptr(GError) cause = NULL;
    g_autofree char *snapshot = NULL;

    if (self->kept && self->action != ACTION_NONE)
        return sinter_img_usage_error("Cannot mix '--delete-except' with '-l', '-a', '-c', '-d'");
    if (self->action == ACTION_LIST)
        return snapshot_list(self, call->operands[0]);
    if (self->source.force_share) {
        sinter_img_error("Could not open '%s': force-share=on can only be used with read-only "
                         "images",
                         call->operands[0]);
        return 1;
    }
    if (!sinter_img_change_begin(&name, &self->source, call->operands[0], FALSE, &info))
        return 1;
    if (self->action == ACTION_CREATE)
        snapshot = g_strndup(self->snapshot, NAME_MAX_BYTES);
    else
        snapshot = g_strdup(self->snapshot);
    if (snapshot_change(self, &name, snapshot, info->format, &cause))
        return 0;
    report(self, &name, self->snapshot, info->format, cause);
    return 1;
}

static const SinterOption snapshot_options[] = {
    { NULL, 'l', NULL, "list the snapshots", .take = take_action, .action = ACTION_LIST },
    { NULL, 'c', "NAME", "create a snapshot with this name", .take = take_action,
      .action = ACTION_CREATE },
    { NULL, 'a', "SNAPSHOT", "revert the disk to the snapshot; the current state is lost",
      .take = take_action, .action = ACTION_APPLY },
    { NULL, 'd', "NAME", "delete the first snapshot with this name", .take = take_action,
      .action = ACTION_DELETE },
    { "delete-except", 0, "SNAPSHOT",
      "delete all snapshots but this one; can be repeated to keep several",
      SINTER_OPTION_MEMBER(SnapshotOptions, kept), .kind = SINTER_OPTION_LIST },
    SINTER_IMG_CHANGE_OPTIONS(SnapshotOptions, source),
    { "force-share", 'U', NULL, "list the snapshots even if another process writes to the image",
      SINTER_OPTION_MEMBER(SnapshotOptions, source.force_share) },
    { NULL, 'q', NULL, "print only errors", SINTER_OPTION_MEMBER(SnapshotOptions, quiet) },
};

const SinterCommand sinter_img_snapshot = {
    .name = "snapshot",
    .operands = "FILE",
    .summary = "Lists, creates, applies or deletes internal snapshots",
    .options = snapshot_options,
    .n_options = G_N_ELEMENTS(snapshot_options),
    .options_size = sizeof(SnapshotOptions),
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = snapshot_run,
};
