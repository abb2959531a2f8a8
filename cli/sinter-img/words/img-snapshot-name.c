/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The option -l of several commands, and the snapshot that it selects. */

#include "img-snapshot-name.h"
#include "img-keyval.h"
#include "text/img-message.h"

#include <sinter/image.h>

#include <sinter/format.h>
#include <string.h>

void
sinter_img_snapshot_clear(SinterImgSnapshot *self)
{
    g_clear_pointer(&self->id_or_name, g_free);
    g_clear_pointer(&self->id, g_free);
    g_clear_pointer(&self->name, g_free);
}

gboolean
sinter_img_snapshot_parse(SinterImgSnapshot *self, const char *text)
{
    static const SinterImgKey keys[] = {
        { "snapshot.id", SINTER_IMG_TEXT, G_STRUCT_OFFSET(SinterImgSnapshot, id) },
        { "snapshot.name", SINTER_IMG_TEXT, G_STRUCT_OFFSET(SinterImgSnapshot, name) },
    };

    sinter_img_snapshot_clear(self);
    if (!g_str_has_prefix(text, "snapshot.")) {
        self->id_or_name = g_strdup(text);
        return TRUE;
    }
    if (sinter_img_option_list_parse(text, keys, G_N_ELEMENTS(keys), self))
        return TRUE;
    sinter_img_error("Failed in parsing snapshot param '%s'", text);
    return FALSE;
}

gboolean
sinter_img_snapshot_take(const SinterOption *option, gpointer options, const char *value)
{
    SinterImgSnapshot *self = G_STRUCT_MEMBER_P(options, option->offset);

    self->asked = TRUE;
    return sinter_img_snapshot_parse(self, value);
}

static gboolean
matches(const SinterSnapshotInfo *snapshot, const char *id, const char *name)
{
    return (!id || strcmp(snapshot->id, id) == 0) && (!name || strcmp(snapshot->name, name) == 0);
}

static const SinterSnapshotInfo *
find(GPtrArray *snapshots, const char *id, const char *name)
{
    for (guint i = 0; i < snapshots->len; i++) {
        if (matches(g_ptr_array_index(snapshots, i), id, name))
            return g_ptr_array_index(snapshots, i);
    }
    return NULL;
}

static const SinterSnapshotInfo *
snapshot_find(const SinterImgSnapshot *self, GPtrArray *snapshots)
{
    const SinterSnapshotInfo *found;

    if (!self->id_or_name)
        return find(snapshots, self->id, self->name);
    found = find(snapshots, self->id_or_name, NULL);
    return found ? found : find(snapshots, NULL, self->id_or_name);
}

/* (transfer full): the id of the requested snapshot; NULL after a message */
static char *
snapshot_find_id(const SinterImgSnapshot *self, const SinterImgName *name, const char *format)
{
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GPtrArray) snapshots = NULL;
    g_autoptr(GError) error = NULL;
    const SinterSnapshotInfo *found;

    if (!sinter_format_lookup(format)->list_snapshots) {
        sinter_img_error("Failed to load snapshot: Block format '%s' used by device '' does not "
                         "support temporarily loading internal snapshots",
                         format);
        return NULL;
    }
    io = sinter_img_open_file(name);
    if (!io)
        return NULL;
    snapshots = sinter_image_list_snapshots(io, format, &error);
    if (!snapshots) {
        sinter_error_prefix(&error, "Failed to load snapshot: ");
        sinter_img_report(error);
        return NULL;
    }
    found = snapshot_find(self, snapshots);
    if (!found)
        sinter_img_error("Failed to load snapshot: Can't find snapshot");
    return found ? g_strdup(found->id) : NULL;
}

gboolean
sinter_img_snapshot_go(const SinterImgSnapshot *self, const SinterImgName *name,
                       SinterChain **chain)
{
    g_autofree char *id = snapshot_find_id(self, name, sinter_chain_get_info(*chain, 0)->format);

    if (!id)
        return FALSE;
    g_clear_pointer(chain, sinter_chain_free);
    *chain = sinter_img_open_chain(name, id);
    return *chain != NULL;
}
