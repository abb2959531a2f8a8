/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* Help texts, and usage errors in the words of qemu-img. -h/--help and -V/--version end the command
 * line; after a command only -h/--help is accepted. */
extern const SinterCommandWording sinter_img_wording;

G_END_DECLS
