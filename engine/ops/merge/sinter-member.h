/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One image of an open chain, for operations that change the chain: finding it by name, locking it
 * against other processes, writing to it, and relinking it to another backing file. Layers are
 * numbered as in the chain; the top is 0.
 */

#include "chain/sinter-chain.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

/* No layer: below the base there is none. */
#define SINTER_MEMBER_NONE G_MAXUINT

/* Returns whether @path refers to the file of @layer. FALSE also if @path does not exist. */
gboolean sinter_member_is_file(SinterChain *chain, guint layer, const char *path);

/*
 * Finds the layer, from @first on, that @name refers to: its path, its name as stored in the image
 * above, or another path of its file, relative to the folder of the image above or to the current
 * folder. Fails if there is none.
 */
gboolean sinter_member_find(SinterChain *chain, guint first, const char *name, guint *ret,
                            GError **error);

/* Takes the lock on the files of the layer, including its data file, in place of the lock for
 * reading. */
gboolean sinter_member_lock(SinterChain *chain, guint layer, SinterIoLock mode, GError **error);

/* (transfer full): the file of the layer, open for writing. The lock that the chain holds covers
 * it. */
SinterIo *sinter_member_open_io(SinterChain *chain, guint layer, SinterIoFlags flags,
                                GError **error);

/* Opens the layer as a disk. It reads its backing file through @chain, which must outlive it. */
SinterHandle *sinter_member_open(SinterChain *chain, guint layer, SinterIoFlags flags,
                                 GError **error);

/* The same over @io, which sinter_member_open_io() opened. */
SinterHandle *sinter_member_open_disk(SinterChain *chain, guint layer, SinterIo *io,
                                      GError **error);

/*
 * Closes a disk that sinter_member_open() opened. Makes everything durable if @failure is NULL;
 * otherwise takes ownership of @failure and returns it in @error. Data that was moved before a
 * cancellation is kept: it is shadowed or reads as before, so that no allocated cluster is leaked.
 */
gboolean sinter_member_finish(SinterHandle *handle, GError *failure, GError **error);

/*
 * (transfer full): the name of the image of @below to store in the image of @layer: the name that
 * is stored now if both are in the same folder, otherwise the full path.
 */
char *sinter_member_link_name(SinterChain *chain, guint layer, guint below, GError **error);

/* Changes the backing file of @layer to @below, or removes it (SINTER_MEMBER_NONE). Durable. */
gboolean sinter_member_relink(SinterChain *chain, guint layer, guint below, GError **error);

G_END_DECLS
