/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One image of a chain that is open, for operations that change the chain: to find it by a name, to
 * keep others away from it, to write to it, to put it onto another one. Layers are numbered as in
 * the chain, the top is 0.
 */

#include "chain/sinter-chain.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

/* No layer: below the base there is none. */
#define SINTER_MEMBER_NONE G_MAXUINT

/* Whether @path leads to the file of @layer. FALSE too where it leads nowhere. */
gboolean sinter_member_is_file(SinterChain *chain, guint layer, const char *path);

/*
 * The layer from @first on that @name means: its path, its name as the image above stores it, or
 * another path of its file, relative to the folder of the image above or to the current one. An
 * error where there is none.
 */
gboolean sinter_member_find(SinterChain *chain, guint first, const char *name, guint *ret,
                            GError **error);

/* Takes the lock on the layer's files, data file too, in place of the one for reading. */
gboolean sinter_member_lock(SinterChain *chain, guint layer, SinterIoLock mode, GError **error);

/* (transfer full): the layer's file, open for writing. The chain's own lock on it covers that. */
SinterIo *sinter_member_open_io(SinterChain *chain, guint layer, SinterIoFlags flags,
                                GError **error);

/* The same as a disk; it reads what it stands on through @chain, which must outlive it. */
SinterHandle *sinter_member_open(SinterChain *chain, guint layer, SinterIoFlags flags,
                                 GError **error);

/* The same over @io, which sinter_member_open_io() opened. */
SinterHandle *sinter_member_open_disk(SinterChain *chain, guint layer, SinterIo *io,
                                      GError **error);

/*
 * Ends the work on a disk that sinter_member_open() opened: makes all durable where there is no
 * @failure, which is taken and told. What was moved before somebody said stop is kept: it is hidden
 * or reads as before, and so nothing that is counted leaks.
 */
gboolean sinter_member_finish(SinterHandle *handle, GError *failure, GError **error);

/*
 * (transfer full): the name by which the image of @layer can call that of @below: as that is stored
 * now where the folder is the same, else its full path.
 */
char *sinter_member_link_name(SinterChain *chain, guint layer, guint below, GError **error);

/* Puts @layer onto @below, or onto nothing (SINTER_MEMBER_NONE). Durable. */
gboolean sinter_member_relink(SinterChain *chain, guint layer, guint below, GError **error);

G_END_DECLS
