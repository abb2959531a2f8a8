/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SinterPublisher:
 *
 * The only way onto the bus. Every object that is exported here stands behind the authority, and
 * the object manager at SINTER_OBJECT_ROOT lists it. Objects may be exported before there is a bus:
 * they all appear when sinter_publisher_open() is called. Main context.
 */
#define SINTER_TYPE_PUBLISHER (sinter_publisher_get_type())
G_DECLARE_FINAL_TYPE(SinterPublisher, sinter_publisher, SINTER, PUBLISHER, GObject)

/* @use_polkit: as in sinter_authority_new() */
SinterPublisher *sinter_publisher_new(gboolean use_polkit);

/* Puts everything that is exported onto @bus. */
void sinter_publisher_open(SinterPublisher *self, GDBusConnection *bus);

/* Takes everything off the bus and unexports it. */
void sinter_publisher_close(SinterPublisher *self);

/* Exports @skeleton, which the authority guards from now on, at @path. */
void sinter_publisher_export(SinterPublisher *self, const char *path,
                             GDBusInterfaceSkeleton *skeleton);

/* Nothing happens where no object is exported at @path. */
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
