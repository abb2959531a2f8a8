/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-client.h"

G_BEGIN_DECLS

/* An object of the daemon, with its state at the time it was read. */
typedef struct {
    char *path;
    SinterProperties *properties;
} SinterObject;

/* @dictionary: (nullable): an a{sv} */
SinterObject *sinter_object_new(const char *path, GVariant *dictionary);
void sinter_object_free(SinterObject *object);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterObject, sinter_object_free)

SinterObject *sinter_object_read(SinterClient *client, const char *path, const char *interface,
                                 GError **error);

/* @name: the name or UUID of a domain, the id of a job, the id of a plan. NOT_FOUND if it is
 * unknown. */
SinterObject *sinter_object_find_domain(SinterClient *client, const char *name, GError **error);
SinterObject *sinter_object_find_job(SinterClient *client, const char *id, GError **error);
SinterObject *sinter_object_find_plan(SinterClient *client, const char *id, GError **error);

/* @name: a target ("vda") or the path of the active layer. NOT_FOUND, with the names of the
 * existing disks, if it is unknown. */
SinterObject *sinter_object_find_disk(SinterClient *client, const SinterObject *domain,
                                      const char *name, GError **error);

/* (transfer full) (element-type SinterObject): all disks of @domain, in the order of its
 * definition */
GPtrArray *sinter_object_read_disks(SinterClient *client, const SinterObject *domain,
                                    GError **error);

/* (transfer full): all objects of the daemon, an a{oa{sa{sv}}}, in one call */
GVariant *sinter_object_read_all(SinterClient *client, GError **error);

/* (transfer full) (element-type SinterObject): the objects of @all that have @interface */
GPtrArray *sinter_object_select(GVariant *all, const char *interface);

G_END_DECLS
