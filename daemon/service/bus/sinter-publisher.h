/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SinterPublisher:
 *
 * The only way to export objects. The authority guards every object that is exported here, and the
 * object manager at SINTER_OBJECT_ROOT lists it. Objects may be exported before a bus connection
 * exists: sinter_publisher_open() makes all of them appear at once. Main context.
 */
#define SINTER_TYPE_PUBLISHER (sinter_publisher_get_type())
G_DECLARE_FINAL_TYPE(SinterPublisher, sinter_publisher, SINTER, PUBLISHER, GObject)

/* @use_polkit: as in sinter_authority_new() */
SinterPublisher *sinter_publisher_new(gboolean use_polkit);

/* Exports all objects on @bus. */
void sinter_publisher_open(SinterPublisher *self, GDBusConnection *bus);

/* Removes all objects from the bus and unexports them. */
void sinter_publisher_close(SinterPublisher *self);

/* Exports @skeleton at @path; from now on the authority guards it. */
void sinter_publisher_export(SinterPublisher *self, const char *path,
                             GDBusInterfaceSkeleton *skeleton);

/* Does nothing if no object is exported at @path. */
void sinter_publisher_unexport(SinterPublisher *self, const char *path);

/**
 * sinter_publisher_flatten:
 * @properties: (transfer full): all properties of an object
 *
 * Serializes @properties, a tree of many small values, into one block of memory. Classes with
 * thousands of objects call this from get_properties().
 *
 * Returns: (transfer full): @properties
 */
GVariant *sinter_publisher_flatten(SinterPublisher *self, GVariant *properties);

G_END_DECLS
