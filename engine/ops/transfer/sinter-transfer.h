/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Moves the content of a chain, or of some of its layers, into an image: the common pipeline of
 * commit, merge, rebase and convert. Data that need not be examined shares its blocks if the file
 * system supports it. Compressed clusters are moved unchanged if the target accepts them. All other
 * data is read and compressed by several threads that run ahead of the writes.
 */

#include "sinter-transfer-job.h"

G_BEGIN_DECLS

/*
 * Moves the data. Does not flush: call sinter_handle_flush() or sinter_handle_close() to make it
 * durable. After a failure or a cancellation (CANCELLED) the target is consistent and holds part of
 * the data.
 */
gboolean sinter_transfer_run(const SinterTransfer *job, SinterTransferStats *ret, GError **error);

G_END_DECLS
