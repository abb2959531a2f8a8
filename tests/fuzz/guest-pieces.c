/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads a disk through the engine's chain in pieces of one size. Invariant: a piece that is not bad
 * has its bytes in the content; the others' bytes are zeros.
 */

#include "guest-pieces.h"
#include "sinter/chain.h"
#include "sinter/image.h"

#include <string.h>

static void
guest_disk_free(gpointer data)
{
    GuestDisk *self = data;

    g_free(self->snapshot);
    g_free(self->content);
    g_free(self->is_bad);
    g_free(self);
}

#define STRETCH_PIECES 256

static void
guest_disk_read_piece(GuestDisk *self, SinterChain *chain, guint i)
{
    guint64 offset = (guint64)i * GUEST_PIECE_BYTES;

    self->is_bad[i] =
        !sinter_chain_read(chain, offset, self->content + offset, GUEST_PIECE_BYTES, NULL);
    if (self->is_bad[i])
        memset(self->content + offset, 0, GUEST_PIECE_BYTES);
}

/* A stretch of pieces at once, and each by itself where that fails. */
static void
guest_disk_read_stretch(GuestDisk *self, SinterChain *chain, guint from)
{
    guint n = MIN(self->n_pieces - from, STRETCH_PIECES);
    guint64 offset = (guint64)from * GUEST_PIECE_BYTES;

    if (sinter_chain_read(chain, offset, self->content + offset, (gsize)n * GUEST_PIECE_BYTES,
                          NULL))
        return;
    for (guint i = from; i < from + n; i++)
        guest_disk_read_piece(self, chain, i);
}

static GuestDisk *
guest_disk_read(SinterFs *fs, const char *path, const char *snapshot)
{
    const SinterChainOptions options = { .fs = fs, .format = "qcow2", .snapshot = snapshot };
    g_autoptr(SinterChain) chain = sinter_chain_open(path, &options, NULL);
    GuestDisk *self = g_new0(GuestDisk, 1);
    guint64 size = chain ? sinter_chain_get_virtual_size(chain) : 0;

    self->snapshot = g_strdup(snapshot);
    self->n_pieces = (guint)MIN(size / GUEST_PIECE_BYTES, GUEST_PIECES_MAX);
    self->content = g_malloc0((gsize)self->n_pieces * GUEST_PIECE_BYTES);
    self->is_bad = g_new0(gboolean, self->n_pieces);
    for (guint i = 0; i < self->n_pieces; i += STRETCH_PIECES)
        guest_disk_read_stretch(self, chain, i);
    return self;
}

GuestPieces *
guest_pieces_read(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);
    g_autoptr(GPtrArray) snapshots = sinter_image_list_snapshots(io, "qcow2", NULL);
    GuestPieces *self = g_new0(GuestPieces, 1);

    self->disks = g_ptr_array_new_with_free_func(guest_disk_free);
    g_ptr_array_add(self->disks, guest_disk_read(fs, path, NULL));
    for (guint i = 0; snapshots && i < MIN(snapshots->len, GUEST_SNAPSHOTS_MAX); i++) {
        const SinterSnapshotInfo *info = g_ptr_array_index(snapshots, i);

        g_ptr_array_add(self->disks, guest_disk_read(fs, path, info->id));
    }
    return self;
}

void
guest_pieces_free(GuestPieces *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->disks);
    g_free(self);
}

/* NULL: there is no such snapshot. */
static const GuestDisk *
find_disk(const GuestPieces *self, const char *snapshot)
{
    for (guint i = 0; i < self->disks->len; i++) {
        const GuestDisk *disk = g_ptr_array_index(self->disks, i);

        if (g_strcmp0(disk->snapshot, snapshot) == 0)
            return disk;
    }
    return NULL;
}

static gboolean
piece_is_bad(const GuestDisk *disk, guint i)
{
    return !disk || i >= disk->n_pieces || disk->is_bad[i];
}

static gboolean
pieces_are_equal(const GuestDisk *a, const GuestDisk *b, guint i)
{
    gsize at = (gsize)i * GUEST_PIECE_BYTES;

    if (piece_is_bad(a, i) || piece_is_bad(b, i))
        return piece_is_bad(a, i) && piece_is_bad(b, i);
    return memcmp(a->content + at, b->content + at, GUEST_PIECE_BYTES) == 0;
}

static char *
tell(const GuestDisk *disk, guint i, const char *what)
{
    return g_strdup_printf(
        "%s%s at 0x%" G_GINT64_MODIFIER "x: %s", disk->snapshot ? "snapshot " : "the disk",
        disk->snapshot ? disk->snapshot : "", (guint64)i * GUEST_PIECE_BYTES, what);
}

char *
guest_pieces_compare(const GuestPieces *before, const GuestPieces *after)
{
    for (guint n = 0; n < before->disks->len; n++) {
        const GuestDisk *old = g_ptr_array_index(before->disks, n);
        const GuestDisk *new = find_disk(after, old->snapshot);

        for (guint i = 0; i < old->n_pieces; i++) {
            if (!old->is_bad[i] && !pieces_are_equal(old, new, i))
                return tell(old, i,
                            piece_is_bad(new, i) ? "could be read, and no longer can"
                                                 : "could be read, and reads otherwise");
        }
    }
    return NULL;
}

char *
guest_pieces_compare_between(const GuestPieces *before, const GuestPieces *after,
                             const GuestPieces *now)
{
    for (guint n = 0; n < before->disks->len; n++) {
        const GuestDisk *old = g_ptr_array_index(before->disks, n);
        const GuestDisk *done = find_disk(after, old->snapshot);
        const GuestDisk *disk = find_disk(now, old->snapshot);
        guint n_pieces = MAX(old->n_pieces, done ? done->n_pieces : 0);

        for (guint i = 0; i < n_pieces; i++) {
            if (!pieces_are_equal(old, disk, i) && !pieces_are_equal(done, disk, i))
                return tell(old, i, "is neither as before the repair nor as after it");
        }
    }
    return NULL;
}
