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

/* The objects that it uses; it takes a reference to each. */
typedef struct {
    SinterServiceContext *context;
    SinterPublisher *publisher;
    SinterPlanTable *plans; /* stores the plans that callers make */
} SinterDomainObjectParts;

/* Shows @domain and exports the domain and its disks. */
SinterDomainObject *sinter_domain_object_new(const SinterDomainObjectParts *parts,
                                             SinterDomain *domain, SinterReferenceGraph *graph);

/* Shows @domain from now on; adds and removes disk objects accordingly. */
void sinter_domain_object_update(SinterDomainObject *self, SinterDomain *domain,
                                 SinterReferenceGraph *graph);

/* Updates the properties that name our job on disk @target. */
void sinter_domain_object_show_job(SinterDomainObject *self, const char *target);

/* Our job on disk @target has ended: shows that, and emits the property changes of the disk and the
 * domain before anything else. */
void sinter_domain_object_settle_disk(SinterDomainObject *self, const char *target);

/* Unexports the domain and its disks. */
void sinter_domain_object_unexport(SinterDomainObject *self);

/* (transfer none): the state that is shown */
SinterDomain *sinter_domain_object_get_domain(SinterDomainObject *self);

G_END_DECLS
