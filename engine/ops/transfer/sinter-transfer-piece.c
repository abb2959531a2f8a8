/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A piece of a transfer: contiguous runs are joined into one command for the target. */

#include "sinter-transfer-piece.h"

void
sinter_transfer_piece_add(SinterTransferPiece *self, const SinterTransferRun *run)
{
    SinterTransferRun *last = self->n_runs ? &self->runs[self->n_runs - 1] : NULL;

    if (last && last->kind == run->kind && run->kind != SINTER_RUN_STREAM &&
        last->layer == run->layer && last->offset + last->length == run->offset &&
        (run->kind == SINTER_RUN_ZERO || last->from + last->length == run->from)) {
        last->length += run->length;
        return;
    }
    g_assert(self->n_runs < SINTER_TRANSFER_RUNS_MAX);
    self->runs[self->n_runs++] = *run;
}
