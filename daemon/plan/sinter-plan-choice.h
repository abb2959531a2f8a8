/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan-request.h"

G_BEGIN_DECLS

/* (transfer none) (nullable): the disk that @request names; NOT_FOUND, with the names of the disks,
 * if @domain has none of that name */
const SinterDisk *sinter_plan_choose_named(const SinterPlanRequest *request,
                                           const SinterDomain *domain, GError **error);

G_END_DECLS
