/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* Helps and usage errors, these in the words of qemu-img. -h/--help and -V/--version end the
 * command line; behind a verb there is -h/--help only. */
extern const SinterCommandWording sinter_img_wording;

G_END_DECLS
