/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/* (transfer full): the chains, snapshots, jobs and the state of a domain as text, to be compared
 * with another; without numbers of bytes, which change while the guest writes. */
char *sinter_policy_shape_describe(const SinterDomain *domain);

G_END_DECLS
