/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/*
 * Places tables that continue the runs of tables with a place: the last cluster of one is followed
 * in the file by the first of the other. In an image that was written forward, also those between
 * two tables with as many free slots between them. All such places are likely, never certain.
 */
void sinter_qcow2_rescue_order_tables(SinterQcow2Rescue *self);

/*
 * Places data clusters whose table is lost, between two clusters with a place: if as many guest
 * clusters are missing as there are data clusters between them in the file.
 */
void sinter_qcow2_rescue_order_data(SinterQcow2Rescue *self);

G_END_DECLS
