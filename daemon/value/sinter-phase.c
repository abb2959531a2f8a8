/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names of phases in job records and on D-Bus are their nicks. */

#include "sinter-phase.h"
#include "sinter-nick.h"
#include "sinter-value-types.h"

const char *
sinter_phase_name(SinterPhase phase)
{
    const char *nick = sinter_nick_get(SINTER_TYPE_PHASE, phase);

    g_return_val_if_fail(nick != NULL, "failed");
    return nick;
}

gboolean
sinter_phase_from_name(const char *name, SinterPhase *ret_phase)
{
    int value;

    if (!sinter_nick_parse(SINTER_TYPE_PHASE, name, &value))
        return FALSE;
    *ret_phase = (SinterPhase)value;
    return TRUE;
}
