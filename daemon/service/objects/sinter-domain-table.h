/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-table.h"
#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterDomainTable:
 *
 * The objects of the domains. Changes of the inventory are collected and shown together, so that a
 * scan of a thousand domains costs one pass; a domain is also updated when another domain that
 * shares an image with it changes. Main context.
 *
 * Signals:
 *  - "domain-shown" (const char *uuid): the objects of a domain and its disks were updated, added
 *    or removed.
 */
#define SINTER_TYPE_DOMAIN_TABLE (sinter_domain_table_get_type())
G_DECLARE_FINAL_TYPE(SinterDomainTable, sinter_domain_table, SINTER, DOMAIN_TABLE, GObject)

/* @plans: stores the plans that callers make */
SinterDomainTable *sinter_domain_table_new(SinterServiceContext *context,
                                           SinterPublisher *publisher, SinterPlanTable *plans);

/* Records that a domain was added, changed or removed; the main context shows it when idle. */
void sinter_domain_table_touch(SinterDomainTable *table, const char *uuid);

/* Shows the recorded changes now. */
void sinter_domain_table_show(SinterDomainTable *table);

/* Returns whether a disk has an object. */
gboolean sinter_domain_table_has_disk(SinterDomainTable *table, const char *uuid,
                                      const char *target);

/* The job on the disk has changed. */
void sinter_domain_table_show_job(SinterDomainTable *table, const char *uuid, const char *target);

/* A job on the disk has ended: shows the state in the inventory, and emits the property changes
 * before any later signal. */
void sinter_domain_table_settle_disk(SinterDomainTable *table, const char *uuid,
                                     const char *target);

guint sinter_domain_table_count(SinterDomainTable *table);

G_END_DECLS
