/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-policy-rules.h"
#include "sinter-policy-window.h"
#include "sinter-proposal.h"

G_BEGIN_DECLS

/**
 * SinterPolicyLimits: when and how a disk may be worked on automatically; the same for all
 * policies.
 *
 * @window: when jobs may begin
 * @offline: also while the domain is shut off …
 * @offline_delay_usec: … and has been for this time
 * @bandwidth_set, @bandwidth_bytes_per_sec: as in SinterJobOptions
 */
typedef struct {
    SinterPolicyWindow *window;
    gboolean offline;
    gint64 offline_delay_usec;
    gboolean bandwidth_set;
    guint64 bandwidth_bytes_per_sec;
} SinterPolicyLimits;

/* INVALID_ARGUMENT, with a message that names the value, if one is invalid. Clear @ret in any
 * case. */
gboolean sinter_policy_limits_read(SinterPolicyLimits *ret, const SinterPolicyRules *rules,
                                   const SinterDomain *domain, const SinterDisk *disk,
                                   GError **error);
void sinter_policy_limits_clear(SinterPolicyLimits *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterPolicyLimits, sinter_policy_limits_clear)

/* (transfer none) (nullable): the setting at a place, %NULL after the last one */
const SinterPluginSetting *sinter_policy_limits_get_setting(guint index);

G_END_DECLS
