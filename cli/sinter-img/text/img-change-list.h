/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <sinter/snapshot.h>

G_BEGIN_DECLS

/* What is lost if the disk is reverted to a snapshot: @changes of SinterSnapshotChange. */

/* Prints the ranges as a table to standard output, with their sum. */
void sinter_img_change_list_print(const GArray *changes, const char *snapshot);

/* (transfer full) */
JsonArray *sinter_img_change_list_to_json(const GArray *changes);

G_END_DECLS
