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

/* @name: the name or UUID of a domain, the id of a job, a plan or an incident. NOT_FOUND if it is
 * unknown. */
SinterObject *sinter_object_find_domain(SinterClient *client, const char *name, GError **error);
SinterObject *sinter_object_find_job(SinterClient *client, const char *id, GError **error);
SinterObject *sinter_object_find_plan(SinterClient *client, const char *id, GError **error);
SinterObject *sinter_object_find_incident(SinterClient *client, const char *id, GError **error);

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

/* Compares two array elements (SinterObject) by their ids, which are decimal numbers: the newest is
 * last, next to the prompt. */
int sinter_object_compare_ids(gconstpointer a, gconstpointer b);

/* (transfer full): an array of the objects' properties, for JSON */
JsonNode *sinter_object_list_to_json(GPtrArray *objects);

/* (transfer full): the object's properties, for JSON */
JsonNode *sinter_object_to_json(const SinterObject *object);

/* Prints the objects' ids, a line each. */
void sinter_object_print_ids(GPtrArray *objects);

G_END_DECLS
