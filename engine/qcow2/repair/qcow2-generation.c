/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Switches a damaged image to other tables. Invariant: until the switch, no cluster is written that
 * the former state refers to, whatever its refcount, and nothing that is in use in either state is
 * taken for the new structure.
 */

#include "qcow2-generation.h"
#include "io/sinter-io-head.h"
#include "qcow2-structure-build.h"
#include "sinter-error.h"

#include <string.h>

void
sinter_qcow2_generation_clear(SinterQcow2Generation *self)
{
    sinter_qcow2_round_end(&self->before);
}

gboolean
sinter_qcow2_generation_begin(SinterQcow2Generation *self, SinterIo *io,
                              const SinterRepairOptions *options, GError **error)
{
    if (!sinter_qcow2_round_begin(&self->before, io, options, error))
        return FALSE;
    if (self->before.check->stopped)
        return sinter_error_refuse(error, SINTER_ERROR_CORRUPT,
                                   "the header of the image is damaged; examine it with "
                                   "'sinter-img check'");
    self->root = sinter_qcow2_root_of(self->before.check->header);
    return TRUE;
}

gboolean
sinter_qcow2_generation_place(SinterQcow2Generation *self, const guint8 *table, gsize len,
                              guint64 *ret, GError **error)
{
    const SinterQcow2Geometry *geo = &self->before.check->geo;
    guint64 n = sinter_qcow2_geometry_clusters(geo, len);
    g_autofree guint8 *padded = NULL;
    guint64 first = 0;

    *ret = 0;
    if (len == 0)
        return TRUE;
    if (!sinter_qcow2_fresh_take(&self->before.fresh, n, &first, error))
        return FALSE;
    padded = g_malloc0(n << geo->cluster_bits);
    memcpy(padded, table, len);
    *ret = first << geo->cluster_bits;
    return sinter_io_write(self->before.io, *ret, padded, n << geo->cluster_bits, error);
}

/* (transfer full): the image as it would be with @root. */
static SinterIo *
io_with_root(SinterQcow2Generation *self, const SinterQcow2Root *root, GError **error)
{
    guint8 sector[SINTER_QCOW2_ROOT_BYTES];

    if (!sinter_io_read(self->before.io, 0, sector, sizeof sector, error))
        return NULL;
    sinter_qcow2_root_store(root, self->before.check->header->version, sector);
    return sinter_io_head_new(self->before.io, sector, sizeof sector);
}

gboolean
sinter_qcow2_generation_is_sound(SinterQcow2Generation *self, gboolean *ret, GError **error)
{
    SinterQcow2Root root = self->root;
    SinterQcow2Round round = { 0 };
    g_autoptr(SinterIo) io = NULL;
    gboolean ok;

    root.n_snapshots = 0;
    root.snapshots_offset = 0;
    io = io_with_root(self, &root, error);
    ok = io && sinter_qcow2_round_begin(&round, io, self->before.options, error);
    *ret = ok && !round.check->stopped && round.mapping_is_sound;
    sinter_qcow2_round_end(&round);
    return ok;
}

gboolean
sinter_qcow2_generation_commit(SinterQcow2Generation *self, GError **error)
{
    SinterQcow2Round round = { 0 };
    g_autoptr(SinterIo) io = io_with_root(self, &self->root, error);
    gboolean ok = io && sinter_io_flush(io, error) &&
                  sinter_qcow2_round_begin(&round, io, self->before.options, error);

    if (ok) {
        sinter_qcow2_fresh_clear(&round.fresh);
        sinter_qcow2_fresh_init(&round.fresh, round.check, FALSE);
        round.fresh.others = self->before.check->map;
        ok = sinter_qcow2_structure_build(&round, TRUE, error);
    }
    sinter_qcow2_round_end(&round);
    return ok;
}
