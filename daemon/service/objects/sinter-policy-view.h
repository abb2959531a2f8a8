/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-policy-forecast.h"

G_BEGIN_DECLS

/* (transfer floating): what policies would do, as the aa{sv} of Manager.PreviewPolicies.
 * @forecasts: (element-type SinterPolicyForecast) */
GVariant *sinter_policy_view_forecasts(const GPtrArray *forecasts);

G_END_DECLS
