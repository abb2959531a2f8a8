/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The most detailed level of a dump: everything as stored, printed while it is read, for people and
 * for programs. Invariant: memory use does not depend on the size of the image.
 */

#include "img-dump-text.h"
#include "img-finding.h"
#include "img-json.h"
#include "img-message.h"

#include <sinter/dump.h>

#include <stdio.h>
#include <string.h>

#define U64 G_GUINT64_FORMAT
#define HEX "0x%" G_GINT64_MODIFIER "x"

/* A dump during printing. */
typedef struct {
    gboolean json;
    const char *section; /* the current section; NULL: none */
    gboolean in_table;   /* JSON: inside the runs of a table */
    gboolean first;      /* JSON: the current list is empty */
    gboolean first_run;  /* JSON: the list of runs is empty */
    GPtrArray *troubles; /* of char * */
    const SinterImgDumpScope *scope;
} Printer;

static void
printer_end_table(Printer *self)
{
    if (self->in_table)
        printf("]}\n");
    self->in_table = FALSE;
}

static void
printer_end_section(Printer *self)
{
    printer_end_table(self);
    if (self->section && self->json)
        printf("],\n");
    self->section = NULL;
}

/* Begins the section with that title, unless it is the current one. */
static void
printer_section(Printer *self, const char *key, const char *title)
{
    if (self->section && strcmp(self->section, key) == 0)
        return;
    printer_end_section(self);
    self->section = key;
    self->first = TRUE;
    if (self->json)
        printf("\"%s\": [\n", key);
    else
        printf("\n%s:\n", title);
}

/* Adds an element to the current list. Takes ownership of @object. */
static void
printer_add(Printer *self, gboolean *first, JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);

    if (!*first)
        printf(",");
    *first = FALSE;
    sinter_img_json_print(node);
    json_object_unref(object);
}

static void
all_header_field(const SinterDumpField *field, gpointer user_data)
{
    Printer *self = user_data;
    JsonObject *object;

    printer_section(self, "header", "Header");
    if (!self->json) {
        printf("    %3" U64 "  %-24s" HEX " (%" U64 ")\n", field->offset, field->name, field->value,
               field->value);
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "name", field->name);
    json_object_set_int_member(object, "offset", (gint64)field->offset);
    json_object_set_int_member(object, "bytes", (gint64)field->bytes);
    json_object_set_int_member(object, "value", (gint64)field->value);
    printer_add(self, &self->first, object);
}

static void
all_header_text(const SinterDumpText *text, gpointer user_data)
{
    Printer *self = user_data;
    JsonObject *object;

    printer_section(self, "names", "Names");
    if (!self->json) {
        g_autofree char *shown = sinter_img_name(text->text);

        printf("    %-29s%s\n", text->name, shown);
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "name", text->name);
    json_object_set_string_member(object, "text", text->text);
    printer_add(self, &self->first, object);
}

static void
all_extension(const SinterDumpExtension *extension, gpointer user_data)
{
    Printer *self = user_data;
    JsonObject *object;

    printer_section(self, "extensions", "Header extensions");
    if (!self->json) {
        printf("    0x%08x  %-16s%u bytes at " HEX "\n", extension->type, extension->name,
               extension->bytes, extension->offset);
        return;
    }
    object = json_object_new();
    json_object_set_int_member(object, "type", (gint64)extension->type);
    json_object_set_string_member(object, "name", extension->name);
    json_object_set_int_member(object, "offset", (gint64)extension->offset);
    json_object_set_int_member(object, "bytes", (gint64)extension->bytes);
    printer_add(self, &self->first, object);
}

static void
all_feature(const SinterDumpFeature *feature, gpointer user_data)
{
    Printer *self = user_data;
    JsonObject *object;

    printer_section(self, "features", "Features");
    if (!self->json) {
        g_autofree char *name = sinter_img_name(feature->name ? feature->name : "(without a name)");

        printf("    %-13s bit %2u  %-4s %s\n", feature->kind, feature->bit,
               feature->set ? "set" : "-", name);
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "kind", feature->kind);
    json_object_set_int_member(object, "bit", (gint64)feature->bit);
    if (feature->name)
        json_object_set_string_member(object, "name", feature->name);
    json_object_set_boolean_member(object, "set", feature->set);
    printer_add(self, &self->first, object);
}

static void
print_snapshot(const SinterDumpSnapshot *snapshot)
{
    g_autofree char *id = sinter_img_name(snapshot->id);
    g_autofree char *name = sinter_img_name(snapshot->name);
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(snapshot->date_sec);
    g_autofree char *when = date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S") : NULL;

    printf("    %s (%s), %s, entry at " HEX "\n"
           "        disk size      %" U64 "\n"
           "        L1 table       %u entries at " HEX "\n"
           "        VM state       %" U64 " bytes, clock %" U64 ".%03u s\n"
           "        extra data     %u bytes\n",
           name, id, when ? when : "no date", snapshot->offset, snapshot->disk_size,
           snapshot->l1_entries, snapshot->l1_offset, snapshot->vm_state_size,
           snapshot->vm_clock_nsec / G_GUINT64_CONSTANT(1000000000),
           (guint)(snapshot->vm_clock_nsec / 1000000 % 1000), snapshot->extra_bytes);
}

static void
all_snapshot(const SinterDumpSnapshot *snapshot, gpointer user_data)
{
    Printer *self = user_data;
    JsonObject *object;

    printer_section(self, "snapshots", "Internal snapshots");
    if (!self->json) {
        print_snapshot(snapshot);
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "id", snapshot->id);
    json_object_set_string_member(object, "name", snapshot->name);
    json_object_set_int_member(object, "offset", (gint64)snapshot->offset);
    json_object_set_int_member(object, "bytes", (gint64)snapshot->bytes);
    json_object_set_int_member(object, "l1-offset", (gint64)snapshot->l1_offset);
    json_object_set_int_member(object, "l1-entries", (gint64)snapshot->l1_entries);
    json_object_set_int_member(object, "disk-size", (gint64)snapshot->disk_size);
    json_object_set_int_member(object, "vm-state-size", (gint64)snapshot->vm_state_size);
    json_object_set_int_member(object, "vm-clock-nsec", (gint64)snapshot->vm_clock_nsec);
    json_object_set_int_member(object, "date-sec", snapshot->date_sec);
    json_object_set_int_member(object, "date-nsec", (gint64)snapshot->date_nsec);
    if (snapshot->icount != G_MAXUINT64)
        json_object_set_int_member(object, "icount", (gint64)snapshot->icount);
    json_object_set_int_member(object, "extra-bytes", (gint64)snapshot->extra_bytes);
    printer_add(self, &self->first, object);
}

static void
all_bitmap(const SinterDumpBitmap *bitmap, gpointer user_data)
{
    Printer *self = user_data;
    JsonObject *object;

    printer_section(self, "bitmaps", "Dirty bitmaps");
    if (!self->json) {
        g_autofree char *name = sinter_img_name(bitmap->name);

        printf("    %s, entry at " HEX "\n"
               "        granularity    2^%u bytes\n"
               "        table          %u entries at " HEX "\n"
               "        flags          0x%x%s%s\n",
               name, bitmap->offset, bitmap->granularity_bits, bitmap->table_entries,
               bitmap->table_offset, bitmap->flags, bitmap->flags & 1 ? ", in use" : "",
               bitmap->flags & 2 ? ", records writes" : "");
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "name", bitmap->name);
    json_object_set_int_member(object, "offset", (gint64)bitmap->offset);
    json_object_set_int_member(object, "table-offset", (gint64)bitmap->table_offset);
    json_object_set_int_member(object, "table-entries", (gint64)bitmap->table_entries);
    json_object_set_int_member(object, "flags", (gint64)bitmap->flags);
    json_object_set_int_member(object, "type", (gint64)bitmap->type);
    json_object_set_int_member(object, "granularity-bits", (gint64)bitmap->granularity_bits);
    json_object_set_int_member(object, "extra-bytes", (gint64)bitmap->extra_bytes);
    printer_add(self, &self->first, object);
}

/* Prints the table without its runs. */
static void
print_table_json(Printer *self, const SinterDumpTable *table)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(node);

    json_object_set_string_member(object, "kind", sinter_dump_table_name(table->kind));
    if (table->owner)
        json_object_set_string_member(object, "owner", table->owner);
    json_object_set_int_member(object, "offset", (gint64)table->offset);
    json_object_set_int_member(object, "entries", (gint64)table->n_entries);
    json_object_set_int_member(object, "first", (gint64)table->first);
    json_object_set_int_member(object, "step", (gint64)table->step);
    printf("%s{\"table\": ", self->first ? "" : ",");
    sinter_img_json_print(node);
    printf(", \"runs\": [\n");
    json_object_unref(object);
    self->first = FALSE;
    self->in_table = TRUE;
    self->first_run = TRUE;
}

/* @owner: "NAME (ID)" */
static gboolean
is_of_snapshot(const char *owner, const char *id_or_name)
{
    const char *id = strrchr(owner, '(');
    gsize n = strlen(id_or_name);

    return (id && strncmp(id + 1, id_or_name, n) == 0 && strcmp(id + 1 + n, ")") == 0) ||
           (id && owner + n + 1 == id && strncmp(owner, id_or_name, n) == 0);
}

/* Refcounts and bitmaps belong to no state of the disk. */
static gboolean
is_in_scope(const SinterImgDumpScope *scope, const SinterDumpTable *table)
{
    gboolean is_mapping =
        table->kind == SINTER_DUMP_L1_TABLE || table->kind == SINTER_DUMP_L2_TABLE;

    if (scope->kinds != 0 && !(scope->kinds & 1U << table->kind))
        return FALSE;
    if (!is_mapping)
        return !scope->active && !scope->snapshot;
    if (scope->active)
        return table->owner == NULL;
    return !scope->snapshot || (table->owner && is_of_snapshot(table->owner, scope->snapshot));
}

static gboolean
all_table(const SinterDumpTable *table, gpointer user_data)
{
    Printer *self = user_data;
    g_autofree char *owner = table->owner ? sinter_img_name(table->owner) : NULL;

    printer_end_table(self);
    if (!is_in_scope(self->scope, table))
        return FALSE;
    printer_section(self, "tables", "Tables");
    if (self->json) {
        print_table_json(self, table);
        return TRUE;
    }
    printf("  %s at " HEX ", %" U64 " entries, %s " HEX " on, " HEX " each%s%s\n",
           sinter_dump_table_name(table->kind), table->offset, table->n_entries,
           table->kind == SINTER_DUMP_REFCOUNT_TABLE || table->kind == SINTER_DUMP_REFCOUNT_BLOCK
               ? "host"
               : "guest",
           table->first, table->step, owner ? ", of " : "", owner ? owner : "");
    return TRUE;
}

static void
print_run(const SinterDumpRun *run)
{
    g_autofree char *range =
        run->n == 1 ? g_strdup_printf("%" U64, run->first)
                    : g_strdup_printf("%" U64 "-%" U64, run->first, run->first + run->n - 1);

    printf("    %-17s %s", range, sinter_dump_entry_name(run->kind));
    if (run->kind == SINTER_DUMP_REFCOUNT)
        printf(" %" U64, run->entry);
    if (run->host_offset != SINTER_DUMP_NOWHERE)
        printf(" at " HEX "-" HEX, run->host_offset, run->host_offset + run->host_bytes - 1);
    if (run->subclusters != 0)
        printf(" subclusters " HEX, run->subclusters);
    if (run->kind == SINTER_DUMP_BAD)
        printf(" entry " HEX, run->entry);
    printf("%s\n", run->copied ? " copied" : "");
}

static void
all_run(const SinterDumpRun *run, gpointer user_data)
{
    Printer *self = user_data;
    JsonObject *object;

    if (!self->json) {
        print_run(run);
        return;
    }
    object = json_object_new();
    json_object_set_string_member(object, "kind", sinter_dump_entry_name(run->kind));
    json_object_set_int_member(object, "first", (gint64)run->first);
    json_object_set_int_member(object, "n", (gint64)run->n);
    if (run->kind == SINTER_DUMP_REFCOUNT)
        json_object_set_int_member(object, "refcount", (gint64)run->entry);
    else
        json_object_set_int_member(object, "entry", (gint64)run->entry);
    if (run->subclusters != 0)
        json_object_set_int_member(object, "subclusters", (gint64)run->subclusters);
    if (run->host_offset != SINTER_DUMP_NOWHERE) {
        json_object_set_int_member(object, "host-offset", (gint64)run->host_offset);
        json_object_set_int_member(object, "host-bytes", (gint64)run->host_bytes);
    }
    if (run->copied)
        json_object_set_boolean_member(object, "copied", TRUE);
    printer_add(self, &self->first_run, object);
}

static void
all_trouble(const char *text, gpointer user_data)
{
    g_ptr_array_add(((Printer *)user_data)->troubles, g_strdup(text));
}

static void
print_luks_human(const SinterLuksInfo *luks)
{
    g_autofree char *methods =
        g_strdup_printf("%s-%u, %s, %s%s%s, %s, uuid %s", luks->cipher, luks->key_bits, luks->mode,
                        luks->iv_generator, luks->iv_hash ? ":" : "",
                        luks->iv_hash ? luks->iv_hash : "", luks->hash, luks->uuid);
    g_autofree char *shown = sinter_img_name(methods);

    printf("\nEncryption:\n"
           "    LUKS, %s\n"
           "    payload at %" U64 ", master key with %u iterations\n",
           shown, luks->payload_offset, luks->master_key_iterations);
    for (guint i = 0; i < SINTER_LUKS_SLOTS; i++) {
        if (luks->slots[i].active)
            printf("    key slot %u: at %" U64 ", %u iterations, %u stripes\n", i,
                   luks->slots[i].key_offset, luks->slots[i].iterations, luks->slots[i].stripes);
    }
}

static void
print_luks_json(const SinterLuksInfo *luks)
{
    JsonObject *object = json_object_new();
    JsonArray *slots = json_array_new();
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);

    json_object_set_string_member(object, "cipher", luks->cipher);
    json_object_set_int_member(object, "key-bits", (gint64)luks->key_bits);
    json_object_set_string_member(object, "mode", luks->mode);
    json_object_set_string_member(object, "iv-generator", luks->iv_generator);
    if (luks->iv_hash)
        json_object_set_string_member(object, "iv-hash", luks->iv_hash);
    json_object_set_string_member(object, "hash", luks->hash);
    json_object_set_string_member(object, "uuid", luks->uuid);
    json_object_set_int_member(object, "payload-offset", (gint64)luks->payload_offset);
    json_object_set_int_member(object, "master-key-iterations",
                               (gint64)luks->master_key_iterations);
    for (guint i = 0; i < SINTER_LUKS_SLOTS; i++) {
        JsonObject *slot = json_object_new();

        json_object_set_boolean_member(slot, "active", luks->slots[i].active);
        json_object_set_int_member(slot, "key-offset", (gint64)luks->slots[i].key_offset);
        if (luks->slots[i].active) {
            json_object_set_int_member(slot, "iterations", (gint64)luks->slots[i].iterations);
            json_object_set_int_member(slot, "stripes", (gint64)luks->slots[i].stripes);
        }
        json_array_add_object_element(slots, slot);
    }
    json_object_set_array_member(object, "slots", slots);
    printf("\"luks\": ");
    sinter_img_json_print(node);
    puts(",");
    json_object_unref(object);
}

static void
print_luks(const Printer *self, const SinterImgDump *dump, SinterIo *io)
{
    g_autoptr(SinterLuksInfo) luks = NULL;
    g_autoptr(GError) error = NULL;

    if (!dump->info->encryption || strcmp(dump->info->encryption, "luks") != 0)
        return;
    luks = sinter_image_luks_info_new(io, dump->info->format, &error);
    if (!luks)
        g_ptr_array_add(self->troubles, g_strdup_printf("The LUKS header: %s", error->message));
    else if (self->json)
        print_luks_json(luks);
    else
        print_luks_human(luks);
}

static void
print_troubles(const Printer *self)
{
    if (self->json) {
        g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), json_array_new());
        JsonArray *array = json_node_get_array(node);

        for (guint i = 0; i < self->troubles->len; i++)
            json_array_add_string_element(array, g_ptr_array_index(self->troubles, i));
        printf("\"not-shown\": ");
        sinter_img_json_print(node);
        json_array_unref(array);
        return;
    }
    if (self->troubles->len > 0)
        printf("\nNot shown:\n");
    for (guint i = 0; i < self->troubles->len; i++) {
        g_autofree char *text = sinter_img_name(g_ptr_array_index(self->troubles, i));

        printf("    %s\n", text);
    }
}

gboolean
sinter_img_dump_print_all(const SinterImgDump *self, SinterIo *io, gboolean json)
{
    static const SinterDumpVisitor visitor = {
        all_header_field, all_header_text, all_extension, all_feature, all_snapshot,
        all_bitmap,       all_table,       all_run,       all_trouble,
    };
    g_autoptr(GPtrArray) troubles = g_ptr_array_new_with_free_func(g_free);
    Printer printer = { .json = json, .troubles = troubles, .scope = &self->scope };
    g_autoptr(GError) error = NULL;
    gboolean ok = sinter_image_dump(io, self->info->format, &visitor, &printer, NULL, &error);

    printer_end_section(&printer);
    print_luks(&printer, self, io);
    print_troubles(&printer);
    if (!ok)
        sinter_img_report(error);
    return ok;
}
