/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-executor.h"

G_BEGIN_DECLS

/**
 * SinterPolicyOrder:
 * @inventory, @executor: (unowned): must live until the callback has run
 * @uuid, @disk: the disk whose chain is to be merged
 * @policy: the name of the policy that asks for it
 * @reason: why
 * @keep: how many of the newest snapshots stay
 * @options: of the job
 *
 * A merge to start. The strings are copied.
 */
typedef struct {
    SinterInventory *inventory;
    SinterExecutor *executor;
    const char *uuid;
    const char *disk;
    const char *policy;
    const char *reason;
    guint keep;
    SinterJobOptions options;
} SinterPolicyOrder;

/**
 * sinter_policy_order_start_async:
 * @source: the source object of the result
 *
 * Reads the domain again, plans the merge as for a user's request, and submits it.
 */
void sinter_policy_order_start_async(GObject *source, const SinterPolicyOrder *order,
                                     GAsyncReadyCallback callback, gpointer user_data);

/**
 * sinter_policy_order_start_finish:
 * @ret_domain: (transfer full) (nullable): the state of the domain that was planned for; %NULL if
 *   it could not be read
 *
 * Returns: (transfer full) (nullable): the ID of the job, or %NULL with the error of the planner or
 *   the executor; UNSUPPORTED if there is nothing to merge
 */
char *sinter_policy_order_start_finish(GAsyncResult *result, SinterDomain **ret_domain,
                                       GError **error);

G_END_DECLS
