/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan-request.h"

G_BEGIN_DECLS

/**
 * sinter_plan_adopt_complete:
 * @request: with adopt and a disk
 * @ret_request: (out caller-allocates): @request with the range of the block job on the disk; its
 *   strings are those of @request and @domain
 *
 * Returns: %FALSE if there is no active commit of another program that is ready to pivot: BUSY if
 *   it still copies or ends already, UNSUPPORTED for a block job of another type, NOT_FOUND for no
 *   block job.
 */
gboolean sinter_plan_adopt_complete(const SinterPlanRequest *request, const SinterDomain *domain,
                                    SinterPlanRequest *ret_request, GError **error);

G_END_DECLS
