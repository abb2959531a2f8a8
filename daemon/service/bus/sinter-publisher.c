/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Owns the object manager and the authority. Invariant: the authority guards every object on the
 * bus. An object may hold a reference to the publisher; the publisher holds one to the object until
 * the object is unexported or the publisher is closed. When many objects were read at once, because
 * a client listed all of them or all were exported together, the memory that this used is returned
 * to the system shortly after.
 */

#include "sinter-publisher.h"

#include <malloc.h>

#include "sinter-authority.h"
#include "sinter-object-path.h"

/* Memory is returned TRIM_AFTER_SEC after the properties of this many objects were read. */
#define MANY_OBJECTS 256
#define TRIM_AFTER_SEC 1

struct _SinterPublisher {
    GObject parent_instance;
    SinterAuthority *authority;
    GDBusObjectManagerServer *objects;
    guint n_read;  /* objects whose properties were read since memory was last returned */
    guint trim_id; /* the timeout that returns it */
};

G_DEFINE_FINAL_TYPE(SinterPublisher, sinter_publisher, G_TYPE_OBJECT)

SinterPublisher *
sinter_publisher_new(gboolean use_polkit)
{
    SinterPublisher *self = g_object_new(SINTER_TYPE_PUBLISHER, NULL);

    self->authority = sinter_authority_new(use_polkit);
    return self;
}

void
sinter_publisher_open(SinterPublisher *self, GDBusConnection *bus)
{
    g_dbus_object_manager_server_set_connection(self->objects, bus);
}

void
sinter_publisher_export(SinterPublisher *self, const char *path, GDBusInterfaceSkeleton *skeleton)
{
    g_autoptr(GDBusObjectSkeleton) object = g_dbus_object_skeleton_new(path);

    sinter_authority_guard(self->authority, skeleton);
    g_dbus_object_skeleton_add_interface(object, skeleton);
    g_dbus_object_manager_server_export(self->objects, object);
}

void
sinter_publisher_unexport(SinterPublisher *self, const char *path)
{
    g_dbus_object_manager_server_unexport(self->objects, path);
}

void
sinter_publisher_close(SinterPublisher *self)
{
    GDBusObjectManager *manager = G_DBUS_OBJECT_MANAGER(self->objects);
    GList *objects = g_dbus_object_manager_get_objects(manager);

    g_clear_handle_id(&self->trim_id, g_source_remove);
    /* the connection is removed first, so that no signal is sent for each single object */
    g_dbus_object_manager_server_set_connection(self->objects, NULL);
    for (GList *link = objects; link; link = link->next)
        sinter_publisher_unexport(self, g_dbus_object_get_object_path(link->data));
    g_list_free_full(objects, g_object_unref);
}

static gboolean
on_trim_time(gpointer user_data)
{
    SinterPublisher *self = user_data;

    self->trim_id = 0;
    self->n_read = 0;
    malloc_trim(0);
    return G_SOURCE_REMOVE;
}

/* A client that lists all objects gets the properties of all of them at once: thousands of blocks,
 * where millions of small values would need ten times the memory. */
GVariant *
sinter_publisher_flatten(SinterPublisher *self, GVariant *properties)
{
    g_variant_get_data(properties);
    if (++self->n_read == MANY_OBJECTS)
        self->trim_id = g_timeout_add_seconds(TRIM_AFTER_SEC, on_trim_time, self);
    return properties;
}

static void
sinter_publisher_finalize(GObject *object)
{
    SinterPublisher *self = SINTER_PUBLISHER(object);

    g_clear_handle_id(&self->trim_id, g_source_remove);
    g_clear_object(&self->objects);
    g_clear_object(&self->authority);
    G_OBJECT_CLASS(sinter_publisher_parent_class)->finalize(object);
}

static void
sinter_publisher_class_init(SinterPublisherClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_publisher_finalize;
}

static void
sinter_publisher_init(SinterPublisher *self)
{
    self->objects = g_dbus_object_manager_server_new(SINTER_OBJECT_ROOT);
}
