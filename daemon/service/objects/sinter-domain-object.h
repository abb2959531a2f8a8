/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-dbus.h"
#include "sinter-plan-table.h"
#include "sinter-publisher.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterDomainObject:
 *
 * One domain on the bus, with its disks' objects.
 */
#define SINTER_TYPE_DOMAIN_OBJECT (sinter_domain_object_get_type())
G_DECLARE_FINAL_TYPE(SinterDomainObject, sinter_domain_object, SINTER, DOMAIN_OBJECT,
                     SinterDBusDomainSkeleton)

/* What it uses; each gets a reference. */
typedef struct {
    SinterServiceContext *context;
    SinterPublisher *publisher;
    SinterPlanTable *plans; /* keeps the plans that callers make */
} SinterDomainObjectParts;

/* Shows @domain and exports it and its disks. */
SinterDomainObject *sinter_domain_object_new(const SinterDomainObjectParts *parts,
                                             SinterDomain *domain, SinterReferenceGraph *graph);

/* Shows @domain from now on; disks come and go with it. */
void sinter_domain_object_update(SinterDomainObject *self, SinterDomain *domain,
                                 SinterReferenceGraph *graph);

/* Shows which of our jobs is on disk @target now. */
void sinter_domain_object_show_job(SinterDomainObject *self, const char *target);

/* Our job on disk @target has ended: shows that, and sends what is shown of both before anything
 * else. */
void sinter_domain_object_settle_disk(SinterDomainObject *self, const char *target);

/* Takes it and its disks off the bus. */
void sinter_domain_object_unexport(SinterDomainObject *self);

/* (transfer none): the state that is shown */
SinterDomain *sinter_domain_object_get_domain(SinterDomainObject *self);

G_END_DECLS
