/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan-request.h"

G_BEGIN_DECLS

/**
 * sinter_policy_caution_check:
 * @plan: a merge that a policy asks for
 * @domain: the state that it was made for
 * @n_keep: how many of the domain's newest snapshots must stay
 *
 * A user reads the warnings of a plan before confirming it; nobody reads those of a policy's plan.
 * So some merges that a user may have are refused: if one of the newest snapshots would be lost, or
 * one with a memory image, or one whose state of another disk would stay; if the active layer
 * changes but the persistent definition does not follow; if a managed save image exists.
 *
 * Returns: %FALSE with UNSUPPORTED if nobody may have this plan carried out unasked. No I/O
 */
gboolean sinter_policy_caution_check(const SinterPlan *plan, const SinterDomain *domain,
                                     guint n_keep, GError **error);

/**
 * sinter_policy_caution_spare_base:
 * @request: a merge of a disk of @domain; its base becomes the image above the lowest one
 *
 * Returns: %FALSE with UNSUPPORTED if the chain has fewer than three images
 */
gboolean sinter_policy_caution_spare_base(SinterPlanRequest *request, const SinterDomain *domain,
                                          GError **error);

G_END_DECLS
