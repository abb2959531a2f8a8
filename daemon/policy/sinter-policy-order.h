/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-executor.h"
#include "sinter-incident-log.h"

G_BEGIN_DECLS

/**
 * SinterPolicyOrder:
 * @inventory, @executor, @incidents: (unowned): must live until the callback has run
 * @uuid, @disk: the disk whose chain is to be merged
 * @policy: the name of the policy that asks for it
 * @reason: why
 * @keep, @keep_base: as in SinterProposal
 * @options: of the job
 *
 * A merge to start. The strings are copied.
 */
typedef struct {
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterIncidentLog *incidents;
    const char *uuid;
    const char *disk;
    const char *policy;
    const char *reason;
    guint keep;
    gboolean keep_base;
    SinterJobOptions options;
} SinterPolicyOrder;

/**
 * sinter_policy_order_start_async:
 * @source: the source object of the result
 *
 * Reads the domain again, plans the merge as for a user's request, and submits it unless
 * sinter_policy_caution_check() speaks against it or an incident of the domain is open.
 */
void sinter_policy_order_start_async(GObject *source, const SinterPolicyOrder *order,
                                     GAsyncReadyCallback callback, gpointer user_data);

/**
 * sinter_policy_order_start_finish:
 * @ret_domain: (transfer full) (nullable): the state of the domain that was planned for; %NULL if
 *   it could not be read
 *
 * Returns: (transfer full) (nullable): the ID of the job, or %NULL with the error of the planner or
 *   the executor; UNSUPPORTED if there is nothing to merge, or if it is not done unasked; CANCELLED
 *   if an incident of the domain is open
 */
char *sinter_policy_order_start_finish(GAsyncResult *result, SinterDomain **ret_domain,
                                       GError **error);

G_END_DECLS
