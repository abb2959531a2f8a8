/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Moves what (part of) a chain shows into an image: the one pipeline of commit, merge, rebase and
 * convert. Data that needs no look shares its blocks where the file system can; compressed clusters
 * move as they are where the target takes them so; everything else is read, and compressed, by
 * several threads that run ahead of the writing.
 */

#include "sinter-transfer-job.h"

G_BEGIN_DECLS

/*
 * Moves all there is to move. Does not flush: sinter_handle_flush() or sinter_handle_close() makes
 * it durable. After a failure or a cancellation (CANCELLED) the target is sound, and holds some
 * part of it.
 */
gboolean sinter_transfer_run(const SinterTransfer *job, SinterTransferStats *ret, GError **error);

G_END_DECLS
