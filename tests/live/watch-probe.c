/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The watch room alone, on a real libvirt, for tests: prints what it sees as lines of JSON, each
 * with its "kind": an "event", a domain as it is after a change ("domain"; "gone" for one that is
 * no more), the end of a full scan ("scanned"), a file's users ("users"). A line on standard input
 * asks: an empty one for a full scan, a path for its users. Ends with standard input.
 *
 * watch-probe URI
 */

#include "sinter-inventory.h"

#include <gio/gunixinputstream.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <unistd.h>

typedef struct {
    GMainLoop *loop;
    SinterConnection *connection;
    SinterInventory *inventory;
    GDataInputStream *input;
} Probe;

static JsonBuilder *
begin_line(const char *kind)
{
    JsonBuilder *builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "kind");
    json_builder_add_string_value(builder, kind);
    return builder;
}

static void
end_line(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;

    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    text = json_to_string(root, FALSE);
    puts(text);
    fflush(stdout);
    g_object_unref(builder);
}

static void
add_text(JsonBuilder *builder, const char *member, const char *value)
{
    json_builder_set_member_name(builder, member);
    if (value)
        json_builder_add_string_value(builder, value);
    else
        json_builder_add_null_value(builder);
}

static void
add_number(JsonBuilder *builder, const char *member, guint64 value)
{
    json_builder_set_member_name(builder, member);
    json_builder_add_int_value(builder, (gint64)value);
}

static void
add_layers(JsonBuilder *builder, const char *member, const GPtrArray *layers)
{
    json_builder_set_member_name(builder, member);
    json_builder_begin_array(builder);
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        json_builder_begin_object(builder);
        add_text(builder, "path", layer->path);
        add_text(builder, "format", layer->format);
        add_text(builder, "backing_name", layer->backing_name);
        add_text(builder, "snapshot_name", layer->snapshot_name);
        add_text(builder, "problem", layer->problem);
        add_number(builder, "index", layer->index);
        add_number(builder, "virtual_size", layer->virtual_size_bytes);
        add_number(builder, "allocated", layer->allocated_bytes);
        add_number(builder, "inode", layer->inode);
        add_number(builder, "fs_free", layer->fs_free_bytes);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_disks(JsonBuilder *builder, const SinterDomain *domain)
{
    json_builder_set_member_name(builder, "disks");
    json_builder_begin_object(builder);
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        json_builder_set_member_name(builder, disk->target);
        json_builder_begin_object(builder);
        add_number(builder, "mirror", disk->mirror);
        add_number(builder, "mirror_job", disk->mirror_job);
        add_number(builder, "block_job", disk->block_job);
        add_layers(builder, "layers", disk->layers);
        add_layers(builder, "inactive_layers", disk->inactive_layers);
        add_layers(builder, "mirror_layers", disk->mirror_layers);
        json_builder_end_object(builder);
    }
    json_builder_end_object(builder);
}

static void
add_snapshots(JsonBuilder *builder, const SinterDomain *domain)
{
    json_builder_set_member_name(builder, "snapshots");
    json_builder_begin_array(builder);
    for (guint i = 0; i < domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        json_builder_begin_object(builder);
        add_text(builder, "name", snapshot->name);
        add_text(builder, "parent", snapshot->parent);
        add_number(builder, "internal", (guint64)snapshot->internal);
        json_builder_set_member_name(builder, "disks");
        json_builder_begin_object(builder);
        for (guint k = 0; k < snapshot->disks->len; k++) {
            const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, k);

            json_builder_set_member_name(builder, disk->target);
            json_builder_begin_object(builder);
            add_text(builder, "overlay_path", disk->overlay_path);
            add_text(builder, "frozen_path", disk->frozen_path);
            json_builder_end_object(builder);
        }
        json_builder_end_object(builder);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
on_changed(SinterInventory *inventory, const SinterDomain *before, const SinterDomain *now,
           gpointer data)
{
    JsonBuilder *builder = begin_line(now ? "domain" : "gone");
    const SinterDomain *domain = now ? now : before;

    add_text(builder, "uuid", domain->uuid);
    add_text(builder, "name", domain->name);
    add_text(builder, "state", sinter_domain_state_name(domain->state));
    add_text(builder, "problem", domain->problem);
    if (now) {
        add_disks(builder, now);
        add_snapshots(builder, now);
    }
    end_line(builder);
}

static void
on_scanned(SinterInventory *inventory, gpointer data)
{
    end_line(begin_line("scanned"));
}

static void
on_event(SinterInventory *inventory, const SinterEvent *event, gpointer data)
{
    JsonBuilder *builder = begin_line("event");

    add_text(builder, "event", sinter_event_kind_name(event->kind));
    add_text(builder, "name", event->name);
    add_text(builder, "disk", event->disk);
    add_text(builder, "device", event->device);
    add_number(builder, "layer_index", event->layer_index);
    add_text(builder, "text", event->text);
    add_number(builder, "status", (guint64)event->status);
    add_number(builder, "job_type", (guint64)event->job_type);
    end_line(builder);
}

static void
print_users(Probe *probe, const char *path)
{
    g_autoptr(SinterReferenceGraph) graph = sinter_inventory_get_graph(probe->inventory);
    g_autoptr(GPtrArray) users = sinter_reference_graph_lookup_path(graph, path);
    JsonBuilder *builder = begin_line("users");

    add_text(builder, "path", path);
    json_builder_set_member_name(builder, "users");
    json_builder_begin_array(builder);
    for (guint i = 0; i < users->len; i++) {
        const SinterReference *user = g_ptr_array_index(users, i);
        g_autofree char *text =
            g_strdup_printf("%s %s %s", user->domain_name, user->disk,
                            user->snapshot                        ? user->snapshot
                            : user->kind == SINTER_REFERENCE_LIVE ? "(live)"
                                                                  : "(inactive)");

        json_builder_add_string_value(builder, text);
    }
    json_builder_end_array(builder);
    end_line(builder);
}

static void read_line(Probe *probe);

static void
on_line(GObject *object, GAsyncResult *result, gpointer data)
{
    Probe *probe = data;
    g_autofree char *line =
        g_data_input_stream_read_line_finish_utf8(G_DATA_INPUT_STREAM(object), result, NULL, NULL);

    if (!line) {
        g_main_loop_quit(probe->loop);
        return;
    }
    if (*line)
        print_users(probe, line);
    else
        sinter_inventory_refresh_async(probe->inventory, NULL, NULL, NULL, NULL);
    read_line(probe);
}

static void
read_line(Probe *probe)
{
    g_data_input_stream_read_line_async(probe->input, G_PRIORITY_DEFAULT, NULL, on_line, probe);
}

int
main(int argc, char **argv)
{
    g_autoptr(GInputStream) input = g_unix_input_stream_new(STDIN_FILENO, FALSE);
    g_autoptr(SinterScanSettings) settings = sinter_scan_settings_new();
    Probe probe = { .loop = g_main_loop_new(NULL, FALSE), .input = g_data_input_stream_new(input) };

    if (argc != 2) {
        g_printerr("usage: watch-probe URI\n");
        return 1;
    }
    sinter_connection_init_events();
    probe.connection = sinter_connection_new(argv[1], TRUE);
    probe.inventory = sinter_inventory_new(probe.connection, settings, 0);
    g_signal_connect(probe.inventory, "event", G_CALLBACK(on_event), NULL);
    g_signal_connect(probe.inventory, "domain-changed", G_CALLBACK(on_changed), NULL);
    g_signal_connect(probe.inventory, "scanned", G_CALLBACK(on_scanned), NULL);
    read_line(&probe);
    sinter_connection_start(probe.connection);
    g_main_loop_run(probe.loop);
    sinter_connection_stop(probe.connection);
    g_object_unref(probe.inventory);
    g_object_unref(probe.connection);
    g_object_unref(probe.input);
    g_main_loop_unref(probe.loop);
    return 0;
}
