/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-plan-table.h"
#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterDomainTable:
 *
 * The domains' objects. Changes of the inventory are noted and shown together, so that a scan of a
 * thousand domains costs one pass; a domain is shown anew too when another one that shares an
 * image with it changes. Main context.
 *
 * Signals:
 *  - "domain-shown" (const char *uuid): the objects of a domain and its disks were updated, added
 *    or removed.
 */
#define SINTER_TYPE_DOMAIN_TABLE (sinter_domain_table_get_type())
G_DECLARE_FINAL_TYPE(SinterDomainTable, sinter_domain_table, SINTER, DOMAIN_TABLE, GObject)

/* @plans: keeps the plans that callers make */
SinterDomainTable *sinter_domain_table_new(SinterServiceContext *context,
                                           SinterPublisher *publisher, SinterPlanTable *plans);

/* Notes that a domain was added, changed or removed; it is shown when the main loop is idle. */
void sinter_domain_table_touch(SinterDomainTable *table, const char *uuid);

/* Shows what is noted, now. */
void sinter_domain_table_show(SinterDomainTable *table);

/* Whether a disk has an object. */
gboolean sinter_domain_table_has_disk(SinterDomainTable *table, const char *uuid,
                                      const char *target);

/* The job on a disk is another one now. */
void sinter_domain_table_show_job(SinterDomainTable *table, const char *uuid, const char *target);

/* A job on a disk has ended: shows what the inventory knows, and sends it before what comes next.
 */
void sinter_domain_table_settle_disk(SinterDomainTable *table, const char *uuid,
                                     const char *target);

guint sinter_domain_table_count(SinterDomainTable *table);

G_END_DECLS
