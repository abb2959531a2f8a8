/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of causes of losses. Invariant: only the list in the public header defines what a cause
 * means.
 */

#include "sinter/loss.h"

static const struct {
    const char *name;
    const char *text;
} losses[SINTER_N_LOSSES] = {
#define X(code, name, text) [SINTER_LOSS_##code] = { name, text },
    SINTER_LOSSES(X)
#undef X
};

const char *
sinter_loss_name(SinterLoss loss)
{
    g_return_val_if_fail(loss < SINTER_N_LOSSES, NULL);
    return losses[loss].name;
}

const char *
sinter_loss_describe(SinterLoss loss)
{
    g_return_val_if_fail(loss < SINTER_N_LOSSES, NULL);
    return losses[loss].text;
}

gboolean
sinter_loss_is_transient(SinterLoss loss)
{
    return loss == SINTER_LOSS_READ_ERROR || loss == SINTER_LOSS_SHORT_READ ||
           loss == SINTER_LOSS_L1_READ || loss == SINTER_LOSS_L2_READ;
}
