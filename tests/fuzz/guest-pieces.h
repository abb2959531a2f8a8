/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a guest reads from an image in memory, piece by piece: from its disk and from its internal
 * snapshots. A piece that cannot be read is noted as such. For tests that hold an image before a
 * repair against the same image after it.
 */

#include "io/sinter-io.h"

#define GUEST_PIECE_BYTES 512
/* Of each disk; what lies beyond is not looked at. */
#define GUEST_PIECES_MAX 8192
#define GUEST_SNAPSHOTS_MAX 4

typedef struct {
    char *snapshot; /* its id; NULL: the disk as it is now */
    guint n_pieces; /* 0: it cannot be opened */
    guint8 *content;
    gboolean *is_bad; /* of each piece: it cannot be read */
} GuestDisk;

typedef struct {
    GPtrArray *disks; /* of GuestDisk */
} GuestPieces;

/* Reads all that there is. Backing files are read, too; one that is missing makes all bad. */
GuestPieces *guest_pieces_read(SinterFs *fs, const char *path);
void guest_pieces_free(GuestPieces *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestPieces, guest_pieces_free)

/*
 * Holds @after against @before, from which a repair made it. Returns (transfer full): what is
 * wrong: a piece that was readable and reads otherwise, or a snapshot that was readable and is
 * gone; NULL: nothing.
 */
char *guest_pieces_compare(const GuestPieces *before, const GuestPieces *after);

/*
 * Holds @now, from a moment within a repair, against what there was before it and after it:
 * each piece is as before or as after; one that could not be read may still not be read.
 */
char *guest_pieces_compare_between(const GuestPieces *before, const GuestPieces *after,
                                   const GuestPieces *now);
