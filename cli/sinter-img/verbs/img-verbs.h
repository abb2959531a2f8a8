/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-command.h"

G_BEGIN_DECLS

/* The commands, each in its own file, for the table in main.c. */
extern const SinterCommand sinter_img_amend;
extern const SinterCommand sinter_img_bench;
extern const SinterCommand sinter_img_bitmap;
extern const SinterCommand sinter_img_check;
extern const SinterCommand sinter_img_commit;
extern const SinterCommand sinter_img_compare;
extern const SinterCommand sinter_img_convert;
extern const SinterCommand sinter_img_create;
extern const SinterCommand sinter_img_dd;
extern const SinterCommand sinter_img_defragment;
extern const SinterCommand sinter_img_dump;
extern const SinterCommand sinter_img_edit;
extern const SinterCommand sinter_img_info;
extern const SinterCommand sinter_img_locks;
extern const SinterCommand sinter_img_map;
extern const SinterCommand sinter_img_measure;
extern const SinterCommand sinter_img_merge;
extern const SinterCommand sinter_img_rebase;
extern const SinterCommand sinter_img_remove;
extern const SinterCommand sinter_img_rescue;
extern const SinterCommand sinter_img_resize;
extern const SinterCommand sinter_img_salvage;
extern const SinterCommand sinter_img_snapshot;
extern const SinterCommand sinter_img_undo;

G_END_DECLS
