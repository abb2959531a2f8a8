/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-executor.h"
#include "sinter-incident.h"
#include "sinter-proposal.h"

G_BEGIN_DECLS

/**
 * SinterRemedyOrder:
 * @inventory, @executor: (unowned): must live until the callback has run
 * @incident: (unowned): copied as far as needed
 * @remedy: name of the plugin
 * @steps: (element-type SinterProposal): what it proposes
 *
 * A remedy to start.
 */
typedef struct {
    SinterInventory *inventory;
    SinterExecutor *executor;
    const SinterIncident *incident;
    const char *remedy;
    GPtrArray *steps;
} SinterRemedyOrder;

/**
 * sinter_remedy_order_start_async:
 * @source: the source object of the result
 *
 * Reads the domain again, plans the first job that @order needs, and submits it. Steps after a
 * merge are not part of that job: see sinter_remedy_order_list_rest().
 */
void sinter_remedy_order_start_async(GObject *source, const SinterRemedyOrder *order,
                                     GAsyncReadyCallback callback, gpointer user_data);

/* (transfer full) (nullable): the ID of the job. UNSUPPORTED if no job can carry out the steps, or
 * the error of the planner or the executor */
char *sinter_remedy_order_start_finish(GAsyncResult *result, GError **error);

/* (transfer full) (element-type SinterProposal): what is left to do after a merge: to resume the
 * guest */
GPtrArray *sinter_remedy_order_list_rest(void);

G_END_DECLS
