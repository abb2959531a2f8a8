/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-edit.h"
#include "sinter/amend.h"

G_BEGIN_DECLS

/* Makes all the changes in @options. */
gboolean sinter_qcow2_amend_image(SinterQcow2Edit *edit, const SinterAmendOptions *options,
                                  SinterProgress *progress, GError **error);

G_END_DECLS
