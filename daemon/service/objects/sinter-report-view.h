/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The reports of a check as properties of a job. @reports: (nullable) (element-type
 * SinterImageReport). Both return a floating aa{sv}. */
GVariant *sinter_report_view_images(const GPtrArray *reports);
GVariant *sinter_report_view_findings(const GPtrArray *reports);

G_END_DECLS
