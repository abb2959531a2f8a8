/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The little language of plan-world.h. A word that it does not know ends the test program. */

#include "plan-world.h"
#include "sinter-identity.h"
#include "sinter-units.h"
#include "watch-fixture.h"

#include <string.h>

typedef struct {
    const char *folder;
    SinterDomain *domain;
} World;

static char *
make_path(const World *world, const char *name)
{
    if (g_str_has_prefix(name, "$D/"))
        return g_build_filename(world->folder, name + 3, NULL);
    return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename("/img", name, NULL);
}

/* Names that are equal are one file, and no two others are. */
static SinterIdentity
get_identity(const World *world, const char *name)
{
    static GHashTable *inodes = NULL;
    g_autofree char *path = make_path(world, name);
    SinterIdentity identity = { 1, 0 };
    gpointer inode;

    if (g_str_has_prefix(name, "$D/")) {
        g_assert_cmpint(sinter_identity_read(path, &identity, NULL), ==, 0);
        return identity;
    }
    if (!inodes)
        inodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    inode = g_hash_table_lookup(inodes, path);
    if (!inode) {
        inode = GUINT_TO_POINTER(g_hash_table_size(inodes) + 1);
        g_hash_table_insert(inodes, g_steal_pointer(&path), inode);
    }
    identity.inode = GPOINTER_TO_UINT(inode);
    return identity;
}

static void
replace_string(char **string, const char *value)
{
    g_free(*string);
    *string = g_strdup(value);
}

static guint64
parse_size(const char *text)
{
    guint64 bytes = 0;

    if (g_str_equal(text, "max"))
        return G_MAXUINT64;
    g_assert_true(sinter_units_parse_bytes(text, &bytes, NULL));
    return bytes;
}

static void
make_network_layer(SinterLayer *layer, const char *name)
{
    layer->type = SINTER_SOURCE_NETWORK;
    g_clear_pointer(&layer->path, g_free);
    g_free(layer->description);
    layer->description = g_strconcat("rbd:", name, NULL);
    layer->device = layer->inode = 0;
}

static gboolean
set_layer_word(SinterLayer *layer, const char *name, const char *word)
{
    if (g_str_equal(word, "dev")) {
        layer->type = SINTER_SOURCE_BLOCK;
        layer->fs_device = 0;
    } else if (g_str_equal(word, "net"))
        make_network_layer(layer, name);
    else if (g_str_equal(word, "other"))
        layer->type = SINTER_SOURCE_OTHER;
    else if (g_str_equal(word, "raw") || g_str_equal(word, "vmdk"))
        replace_string(&layer->format, word);
    else if (g_str_equal(word, "noformat"))
        g_clear_pointer(&layer->format, g_free);
    else if (g_str_equal(word, "internal"))
        layer->has_internal_snapshots = TRUE;
    else if (g_str_equal(word, "gone"))
        layer->missing = TRUE;
    else if (g_str_equal(word, "noid"))
        layer->device = layer->inode = 0;
    else if (g_str_equal(word, "thin"))
        layer->thin = TRUE;
    else if (g_str_equal(word, "hosts"))
        layer->beyond_locks = g_strdup("a block device");
    else if (g_str_equal(word, "bad"))
        layer->backing_unknown = TRUE;
    else if (!g_str_equal(word, "odd"))
        return FALSE;
    if (g_str_equal(word, "bad") || g_str_equal(word, "gone") || g_str_equal(word, "odd"))
        layer->problem = g_strdup("so says the test");
    return TRUE;
}

static void
set_layer_attribute(const World *world, SinterLayer *layer, const char *name, const char *word)
{
    if (set_layer_word(layer, name, word))
        return;
    if (g_str_has_prefix(word, "like=")) {
        layer->looks_like = g_strdup(word + 5);
    } else if (g_str_has_prefix(word, "free")) {
        layer->fs_free_bytes = parse_size(word + 4);
    } else if (g_str_has_prefix(word, "used")) {
        layer->used_bytes = parse_size(word + 4);
    } else if (g_str_has_prefix(word, "fs")) {
        layer->fs_device = parse_size(word + 2);
    } else if (g_str_has_prefix(word, "v")) {
        layer->virtual_size_bytes = parse_size(word + 1);
    } else if (g_str_has_prefix(word, "id=")) {
        SinterIdentity identity = get_identity(world, word + 3);

        layer->device = identity.device;
        layer->inode = identity.inode;
    } else {
        layer->allocated_bytes = parse_size(word);
    }
}

static SinterLayer *
add_layer(const World *world, GPtrArray *layers, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, ":", -1);
    const char *name = g_strstrip(words[0]);
    g_autofree char *path = make_path(world, name);
    SinterIdentity identity = get_identity(world, name);
    SinterLayer *layer = fixture_layer(layers, path, identity.inode);

    layer->device = identity.device;
    layer->allocated_bytes = 64 * 1024 * 1024;
    layer->virtual_size_bytes = 1024 * 1024 * 1024;
    layer->fs_device = 1;
    layer->fs_free_bytes = 100 * G_GUINT64_CONSTANT(1073741824);
    for (guint i = 1; words[i]; i++)
        set_layer_attribute(world, layer, name, g_strstrip(words[i]));
    return layer;
}

static void
add_layers(const World *world, GPtrArray *layers, const char *text, const char *separator)
{
    g_auto(GStrv) parts = g_strsplit(text, separator, -1);

    for (guint i = 0; parts[i]; i++) {
        SinterLayer *layer = *g_strstrip(parts[i]) ? add_layer(world, layers, parts[i]) : NULL;

        if (layer && world->domain->active)
            layer->index = i + 1;
    }
}

static GPtrArray *
new_layers(const World *world, const char *text, const char *separator)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);

    add_layers(world, layers, text, separator);
    return layers;
}

static SinterBlockJobType
parse_block_job(const char *name)
{
    static const char *const names[] = {
        "none", "pull", "copy", "commit", "active-commit", "backup"
    };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i], name))
            return (SinterBlockJobType)i;
    }
    g_error("no block job '%s'", name);
}

static SinterMirror
parse_mirror(const char *name)
{
    static const char *const names[] = { "none",     "copying",  "ready",
                                         "pivoting", "aborting", "ending" };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i], name))
            return (SinterMirror)i;
    }
    g_error("no mirror '%s'", name);
}

static void
set_next_boot(SinterDisk *disk, GPtrArray *layers)
{
    g_clear_pointer(&disk->inactive_layers, g_ptr_array_unref);
    disk->inactive_layers = layers;
}

static void
set_disk_word(const World *world, SinterDisk *disk, const char *word)
{
    if (g_str_equal(word, "ro"))
        disk->read_only = TRUE;
    else if (g_str_equal(word, "shareable"))
        disk->shareable = TRUE;
    else if (g_str_equal(word, "transient"))
        disk->transient = TRUE;
    else if (g_str_has_prefix(word, "job="))
        disk->block_job = disk->mirror_job = parse_block_job(word + 4);
    else if (g_str_has_prefix(word, "mirror="))
        disk->mirror = parse_mirror(word + 7);
    else if (g_str_has_prefix(word, "next="))
        set_next_boot(disk, new_layers(world, word + 5, ">"));
    else if (g_str_equal(word, "nonext"))
        g_clear_pointer(&disk->inactive_layers, g_ptr_array_unref);
    else if (g_str_equal(word, "cdrom") || g_str_equal(word, "floppy") || g_str_equal(word, "lun"))
        replace_string(&disk->device, word);
    else
        g_error("no disk word '%s'", word);
}

static void
add_disk(const World *world, const char *text)
{
    g_auto(GStrv) halves = g_strsplit(text, ": ", 2);
    g_auto(GStrv) words = NULL;
    SinterDisk *disk;

    g_strchomp(halves[0]);
    if (!halves[1]) /* an empty drive: "sda cdrom:" */
        halves[0][strlen(halves[0]) - 1] = '\0';
    words = g_strsplit(halves[0], " ", -1);
    disk = fixture_disk(world->domain, words[0]);
    add_layers(world, disk->layers, halves[1] ? halves[1] : "", ">");
    if (world->domain->persistent)
        disk->inactive_layers = new_layers(world, halves[1] ? halves[1] : "", ">");
    for (guint i = 1; words[i]; i++)
        set_disk_word(world, disk, words[i]);
}

static void
set_identity(const World *world, const char *name, guint64 *device, guint64 *inode)
{
    SinterIdentity identity = get_identity(world, name);

    *device = identity.device;
    *inode = identity.inode;
}

/* "vda=frozen>overlay^branch^branch" */
static void
add_snapshot_disk(const World *world, SinterSnapshot *snapshot, const char *text)
{
    g_auto(GStrv) branch = g_strsplit(text, "^", 2);
    g_auto(GStrv) sides = g_strsplit(branch[0], "=", 2);
    g_auto(GStrv) files = g_strsplit(sides[1], ">", 2);
    gboolean known = !g_str_equal(files[0], "?");
    g_autofree char *frozen = known ? make_path(world, files[0]) : NULL;
    g_autofree char *overlay = files[1] ? make_path(world, files[1]) : NULL;
    SinterSnapshotDisk *disk = fixture_snapshot_disk(snapshot, sides[0], overlay, frozen);

    disk->external = overlay != NULL;
    if (known)
        set_identity(world, files[0], &disk->frozen_device, &disk->frozen_inode);
    if (overlay)
        set_identity(world, files[1], &disk->overlay_device, &disk->overlay_inode);
    if (branch[1])
        disk->frozen_layers = new_layers(world, branch[1], "^");
}

static void
add_snapshot(const World *world, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    SinterSnapshot *snapshot = fixture_snapshot(world->domain, words[0] + 1);

    for (guint i = 1; words[i]; i++) {
        if (g_str_equal(words[i], "internal"))
            snapshot->internal = TRUE;
        else if (g_str_equal(words[i], "mem"))
            snapshot->memory_path = g_strdup_printf("/img/%s.mem", snapshot->name);
        else
            add_snapshot_disk(world, snapshot, words[i]);
    }
}

/* "#c1 vda vdb" */
static void
add_checkpoint(const World *world, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    SinterCheckpoint *checkpoint = sinter_checkpoint_new(words[0] + 1);

    checkpoint->disks = g_strdupv(words + 1);
    g_ptr_array_add(world->domain->checkpoints, checkpoint);
}

static void
set_domain_word(SinterDomain *domain, const char *word)
{
    if (g_str_equal(word, "off") || g_str_equal(word, "crashed")) {
        domain->active = FALSE;
        domain->state = *word == 'o' ? SINTER_DOMAIN_SHUT_OFF : SINTER_DOMAIN_CRASHED;
    } else if (g_str_equal(word, "transient")) {
        domain->persistent = FALSE;
    } else if (g_str_equal(word, "saved")) {
        domain->has_managed_save = TRUE;
    } else if (g_str_equal(word, "managed")) {
        domain->manager = g_strdup("OpenStack (by its metadata)");
    } else if (g_str_equal(word, "migrated")) {
        domain->reason = 4; /* VIR_DOMAIN_SHUTOFF_MIGRATED */
    } else if (g_str_equal(word, "problem")) {
        domain->problem = g_strdup("so says the test");
    } else {
        g_error("no domain word '%s'", word);
    }
}

static SinterDomain *
parse_domain(const char *line, const char *folder)
{
    g_auto(GStrv) items = g_strsplit(line, "|", -1);
    g_auto(GStrv) words = g_strsplit(g_strstrip(items[0]), " ", -1);
    SinterDomain *domain = fixture_domain(words[0], TRUE);
    World world = { folder, domain };

    domain->state = SINTER_DOMAIN_RUNNING;
    for (guint i = 1; words[i]; i++)
        set_domain_word(domain, words[i]);
    for (guint i = 1; items[i]; i++) {
        const char *item = g_strstrip(items[i]);

        if (*item == '@')
            add_snapshot(&world, item);
        else if (*item == '#')
            add_checkpoint(&world, item);
        else
            add_disk(&world, item);
    }
    return domain;
}

GPtrArray *
plan_world_parse(const char *text, const char *folder)
{
    GPtrArray *domains = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_domain_unref);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        if (*g_strstrip(lines[i]))
            g_ptr_array_add(domains, parse_domain(lines[i], folder));
    }
    return domains;
}

static gboolean
set_request_flag(SinterPlanRequest *request, const char *word)
{
    const struct {
        const char *name;
        gboolean *flag;
    } flags[] = {
        { "pull", &request->pull },
        { "keep-files", &request->keep_files },
        { "shallow", &request->shallow },
        { "reuse", &request->reuse_external },
        { "pivot", &request->pivot },
        { "ignore-manager", &request->ignore_manager },
        { "live", &request->live },
        { "drop-checkpoints", &request->drop_checkpoints },
        { "ignore-migrated", &request->ignore_migrated },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (g_str_equal(flags[i].name, word)) {
            *flags[i].flag = TRUE;
            return TRUE;
        }
    }
    return FALSE;
}

static void
set_request_value(SinterPlanRequest *request, const char *word)
{
    const char *value = strchr(word, '=');
    const struct {
        const char *name;
        const char **string;
    } strings[] = {
        { "disk=", &request->disk },
        { "delete=", &request->delete_snapshot },
        { "name=", &request->snapshot_name },
        { "top=", &request->top },
        { "base=", &request->base },
        { "to=", &request->destination },
        { "as=", &request->destination_format },
    };

    g_assert_nonnull(value);
    for (gsize i = 0; i < G_N_ELEMENTS(strings); i++) {
        if (g_str_has_prefix(word, strings[i].name)) {
            *strings[i].string = value + 1;
            return;
        }
    }
    if (g_str_has_prefix(word, "only=")) {
        request->disks[0] = value + 1;
    } else if (g_str_has_prefix(word, "ignore=")) {
        request->ignored_readers[0] = value + 1;
    } else if (g_str_has_prefix(word, "keep=")) {
        request->keep = parse_size(value + 1);
    } else {
        g_assert_true(g_str_has_prefix(word, "op="));
        request->operation_set = TRUE;
        g_assert_true(sinter_operation_from_name(value + 1, &request->operation));
    }
}

SinterPlanRequest
plan_request_parse(const char *text, const char *folder, char ***ret_words)
{
    SinterPlanRequest request = { NULL };
    GString *expanded = g_string_new(text);

    g_string_replace(expanded, "$D", folder, 0);
    *ret_words = g_strsplit(expanded->str, " ", -1);
    g_string_free(expanded, TRUE);
    for (char **word = *ret_words; *word; word++) {
        if (**word && !set_request_flag(&request, *word))
            set_request_value(&request, *word);
    }
    return request;
}
