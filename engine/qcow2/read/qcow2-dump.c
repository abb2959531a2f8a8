/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reports the header of an image and what it refers to, and starts the dump of the tables.
 * Invariant: stored values are reported unchanged; what cannot be read is reported as trouble and
 * does not end the dump.
 */

#include "qcow2-dump.h"
#include "qcow2-dump-tables.h"

/* Minimum budget for all tables except the active L1 table. */
#define TABLE_BUDGET_BYTES ((guint64)64 * 1024 * 1024)

static const struct {
    const char *name;
    guint8 offset;
    guint8 bytes;
} header_fields[] = {
    { "magic", 0, 4 },
    { "version", SINTER_QCOW2_AT_VERSION, 4 },
    { "backing-file-offset", SINTER_QCOW2_AT_BACKING_OFFSET, 8 },
    { "backing-file-size", SINTER_QCOW2_AT_BACKING_BYTES, 4 },
    { "cluster-bits", SINTER_QCOW2_AT_CLUSTER_BITS, 4 },
    { "size", SINTER_QCOW2_AT_VIRTUAL_SIZE, 8 },
    { "crypt-method", SINTER_QCOW2_AT_CRYPT_METHOD, 4 },
    { "l1-size", SINTER_QCOW2_AT_L1_ENTRIES, 4 },
    { "l1-table-offset", SINTER_QCOW2_AT_L1_OFFSET, 8 },
    { "refcount-table-offset", SINTER_QCOW2_AT_REFTABLE_OFFSET, 8 },
    { "refcount-table-clusters", SINTER_QCOW2_AT_REFTABLE_CLUSTERS, 4 },
    { "nb-snapshots", SINTER_QCOW2_AT_N_SNAPSHOTS, 4 },
    { "snapshots-offset", SINTER_QCOW2_AT_SNAPSHOTS_OFFSET, 8 },
    { "incompatible-features", SINTER_QCOW2_AT_INCOMPATIBLE, 8 },
    { "compatible-features", SINTER_QCOW2_AT_COMPATIBLE, 8 },
    { "autoclear-features", SINTER_QCOW2_AT_AUTOCLEAR, 8 },
    { "refcount-order", SINTER_QCOW2_AT_REFCOUNT_ORDER, 4 },
    { "header-length", SINTER_QCOW2_AT_HEADER_BYTES, 4 },
    { "compression-type", SINTER_QCOW2_AT_COMPRESSION_TYPE, 1 },
};

static const struct {
    guint32 type;
    const char *name;
} extension_names[] = {
    { SINTER_QCOW2_EXT_BACKING_FORMAT, "backing-format" },
    { SINTER_QCOW2_EXT_FEATURE_NAMES, "feature-names" },
    { SINTER_QCOW2_EXT_BITMAPS, "bitmaps" },
    { SINTER_QCOW2_EXT_LUKS, "luks" },
    { SINTER_QCOW2_EXT_DATA_FILE, "data-file" },
    { SINTER_QCOW2_EXT_LEAKS_KEPT, "leaks-kept" },
};

static guint64
load_field(const guint8 *at, guint bytes)
{
    guint64 value = 0;

    for (guint i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* The header's length as stored; a version 3 header has at least its minimum length. */
static gsize
fields_end(const SinterQcow2Header *header)
{
    return header->version < 3 ? SINTER_QCOW2_HEADER_V2_BYTES
                               : MAX(header->header_bytes, SINTER_QCOW2_HEADER_V3_MIN_BYTES);
}

static void
dump_fields(const SinterQcow2Dump *self)
{
    guint8 bytes[SINTER_QCOW2_AT_COMPRESSION_TYPE + 8];
    g_autoptr(GError) error = NULL;
    gsize there = 0;

    if (!sinter_io_read_some(self->io, 0, bytes, sizeof bytes, &there, &error))
        sinter_qcow2_dump_trouble(self, "The header: %s", error->message);
    there = MIN(there, fields_end(self->header));
    for (gsize i = 0; self->visitor->header_field && i < G_N_ELEMENTS(header_fields); i++) {
        SinterDumpField field = { header_fields[i].name, header_fields[i].offset,
                                  header_fields[i].bytes, 0 };

        if (field.offset + field.bytes > there)
            break;
        field.value = load_field(bytes + field.offset, field.bytes);
        self->visitor->header_field(&field, self->user_data);
    }
}

static void
dump_texts(const SinterQcow2Dump *self)
{
    const SinterDumpText texts[] = {
        { "backing-file", self->header->backing_name },
        { "backing-format", self->header->backing_format },
        { "data-file", self->header->data_file_name },
    };

    for (gsize i = 0; self->visitor->header_text && i < G_N_ELEMENTS(texts); i++) {
        if (texts[i].text)
            self->visitor->header_text(&texts[i], self->user_data);
    }
}

static const char *
extension_name(guint32 type)
{
    for (gsize i = 0; i < G_N_ELEMENTS(extension_names); i++) {
        if (extension_names[i].type == type)
            return extension_names[i].name;
    }
    return "unknown";
}

static void
dump_extensions(const SinterQcow2Dump *self)
{
    for (guint i = 0; self->visitor->extension && i < self->header->extensions->len; i++) {
        const SinterQcow2Extension *stored =
            &g_array_index(self->header->extensions, SinterQcow2Extension, i);
        SinterDumpExtension extension = { stored->type, extension_name(stored->type),
                                          stored->offset, stored->length_bytes };

        self->visitor->extension(&extension, self->user_data);
    }
}

static const char *
feature_name(const SinterQcow2Header *header, guint kind, guint bit)
{
    for (guint i = 0; i < header->features->len; i++) {
        const SinterQcow2FeatureName *name =
            &g_array_index(header->features, SinterQcow2FeatureName, i);

        if (name->kind == kind && name->bit == bit)
            return name->name;
    }
    return NULL;
}

static void
dump_features(const SinterQcow2Dump *self)
{
    static const char *const kinds[] = { "incompatible", "compatible", "autoclear" };
    const SinterQcow2Header *header = self->header;
    const guint64 sets[] = { header->incompatible, header->compatible, header->autoclear };

    if (!self->visitor->feature)
        return;
    for (guint i = 0; i < header->features->len; i++) {
        const SinterQcow2FeatureName *name =
            &g_array_index(header->features, SinterQcow2FeatureName, i);
        gboolean known = name->kind < G_N_ELEMENTS(kinds);
        SinterDumpFeature feature = { known ? kinds[name->kind] : "unknown", name->bit, name->name,
                                      known && name->bit < 64 &&
                                          (sets[name->kind] >> name->bit) & 1 };

        self->visitor->feature(&feature, self->user_data);
    }
    for (guint kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        for (guint bit = 0; bit < 64; bit++) {
            SinterDumpFeature feature = { kinds[kind], bit, NULL, TRUE };

            if ((sets[kind] >> bit) & 1 && !feature_name(header, kind, bit))
                self->visitor->feature(&feature, self->user_data);
        }
    }
}

/* Returns the text of the header's problem with that code, or NULL. */
static const char *
header_problem(const SinterQcow2Header *header, SinterQcow2ProblemCode code)
{
    for (guint i = 0; i < header->problems->len; i++) {
        const SinterQcow2Problem *problem = &g_array_index(header->problems, SinterQcow2Problem, i);

        if (problem->code == code)
            return problem->text;
    }
    return NULL;
}

static void
load_snapshots(SinterQcow2Dump *self)
{
    const char *problem = header_problem(self->header, SINTER_QCOW2_PROBLEM_SNAPSHOTS_COUNT);
    g_autoptr(GError) error = NULL;
    GPtrArray *partial = NULL;

    if (!problem)
        problem = header_problem(self->header, SINTER_QCOW2_PROBLEM_SNAPSHOTS_OFFSET);
    if (problem) {
        sinter_qcow2_dump_trouble(self, "The snapshot table: %s", problem);
        return;
    }
    self->snapshots = sinter_qcow2_snapshots_load(self->io, self->header, &partial, &error);
    if (self->snapshots)
        return;
    sinter_qcow2_dump_trouble(self, "The snapshot table: %s", error->message);
    self->snapshots = partial;
}

static void
dump_snapshots(SinterQcow2Dump *self)
{
    if (self->header->n_snapshots == 0)
        return;
    load_snapshots(self);
    for (guint i = 0; self->visitor->snapshot && self->snapshots && i < self->snapshots->len; i++) {
        const SinterQcow2Snapshot *stored = g_ptr_array_index(self->snapshots, i);
        SinterDumpSnapshot snapshot = {
            .id = stored->id,
            .name = stored->name,
            .offset = stored->entry_offset,
            .bytes = stored->entry_bytes,
            .l1_offset = stored->l1_offset,
            .l1_entries = stored->l1_entries,
            .disk_size = stored->disk_bytes,
            .vm_state_size = stored->vm_state_bytes,
            .vm_clock_nsec = stored->vm_clock_nsec,
            .date_sec = stored->date_sec,
            .date_nsec = stored->date_nsec,
            .icount = stored->icount,
            .extra_bytes = stored->extra_bytes,
        };

        self->visitor->snapshot(&snapshot, self->user_data);
    }
}

static void
dump_bitmaps(SinterQcow2Dump *self)
{
    const char *problem = header_problem(self->header, SINTER_QCOW2_PROBLEM_BITMAPS_BOUNDS);
    g_autoptr(GError) error = NULL;

    if (!self->header->has_bitmaps)
        return;
    if (!problem)
        self->bitmaps = sinter_qcow2_bitmaps_load(self->io, self->header, &error);
    if (!self->bitmaps)
        sinter_qcow2_dump_trouble(self, "The bitmap directory: %s",
                                  problem ? problem : error->message);
    for (guint i = 0; self->visitor->bitmap && self->bitmaps && i < self->bitmaps->len; i++) {
        const SinterQcow2Bitmap *stored = g_ptr_array_index(self->bitmaps, i);
        SinterDumpBitmap bitmap = {
            .name = stored->name,
            .offset = stored->entry_offset,
            .table_offset = stored->table_offset,
            .table_entries = stored->table_entries,
            .flags = stored->flags,
            .type = stored->type,
            .granularity_bits = stored->granularity_bits,
            .extra_bytes = stored->extra ? g_bytes_get_size(stored->extra) : 0,
        };

        self->visitor->bitmap(&bitmap, self->user_data);
    }
}

static gboolean
dump_run(SinterQcow2Dump *self, GError **error)
{
    dump_fields(self);
    dump_texts(self);
    dump_extensions(self);
    dump_features(self);
    if (!self->header->has_geometry) {
        sinter_qcow2_dump_trouble(self, "The geometry in the header is invalid");
        return TRUE;
    }
    dump_snapshots(self);
    dump_bitmaps(self);
    return !self->visitor->table || sinter_qcow2_dump_tables(self, error);
}

gboolean
sinter_qcow2_dump(SinterIo *io, const SinterDumpVisitor *visitor, gpointer user_data,
                  GCancellable *cancellable, GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);
    SinterQcow2Dump self = { .io = io,
                             .header = header,
                             .visitor = visitor,
                             .user_data = user_data,
                             .cancellable = cancellable };
    SinterIoStat st;
    gboolean ok;

    if (!header || !sinter_io_stat(io, &st, error))
        return FALSE;
    self.geo = header->geo;
    self.file_bytes = st.size_bytes;
    self.table_budget_bytes = TABLE_BUDGET_BYTES + st.allocated_bytes;
    ok = dump_run(&self, error);
    sinter_qcow2_slots_clear(&self.seen);
    g_clear_pointer(&self.snapshots, g_ptr_array_unref);
    g_clear_pointer(&self.bitmaps, g_ptr_array_unref);
    return ok;
}
