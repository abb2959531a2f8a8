/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A rescue: runs its parts in order, reports, and applies on request. Invariant: until everything
 * is found, nothing is written.
 */

#include "qcow2-rescue.h"
#include "qcow2-rescue-backing.h"
#include "qcow2-rescue-claim.h"
#include "qcow2-rescue-data.h"
#include "qcow2-rescue-geometry.h"
#include "qcow2-rescue-known.h"
#include "qcow2-rescue-order.h"
#include "qcow2-rescue-report.h"
#include "qcow2-rescue-scan.h"
#include "qcow2-rescue-volume.h"
#include "qcow2-rescue-vote.h"
#include "qcow2-rescue-write.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter-error.h"
#include "sinter-progress.h"

#define REFCOUNT_ORDER_DEFAULT 4
#define VERSION_DEFAULT 3

static void
rescue_clear(SinterQcow2Rescue *self)
{
    g_clear_pointer(&self->header, sinter_qcow2_header_free);
    g_clear_pointer(&self->use, g_free);
    g_clear_pointer(&self->claims, g_free);
    g_clear_pointer(&self->tables, g_array_unref);
    g_clear_pointer(&self->slots, g_free);
    g_clear_pointer(&self->broken_l1, g_free);
    g_clear_pointer(&self->old_l1, g_array_unref);
    g_clear_pointer(&self->samples, g_array_unref);
    g_clear_pointer(&self->bases, g_hash_table_unref);
    g_clear_pointer(&self->data, g_array_unref);
    g_clear_pointer(&self->entries, g_array_unref);
    sinter_qcow2_clues_clear(&self->clues);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterQcow2Rescue, rescue_clear)

static void
ask(SinterRescueResult *result, const char *question)
{
    char *old = result->question;

    result->question = old ? g_strdup_printf("%s; %s", old, question) : g_strdup(question);
    g_free(old);
}

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, why);
    return FALSE;
}

/* Reads the header; an unusable one counts as lost. */
static gboolean
rescue_read_header(SinterQcow2Rescue *self, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(self->io, &failed);

    if (!header && !g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED) &&
        !g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_CORRUPT)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (!header || !header->has_geometry)
        return TRUE;
    if (header->geo.external_data)
        return refuse(error, "an image with an external data file cannot be rescued: each guest "
                             "offset is at the same offset of the data file");
    if (header->incompatible & ~SINTER_QCOW2_INCOMPAT_KNOWN)
        return refuse(error, "the image has unknown incompatible features");
    self->geo = header->geo;
    self->disk_bytes = header->virtual_size_bytes;
    self->header = g_steal_pointer(&header);
    return TRUE;
}

static gboolean
cluster_size_is_valid(guint64 bytes)
{
    return (bytes & (bytes - 1)) == 0 &&
           bytes >= G_GUINT64_CONSTANT(1) << SINTER_QCOW2_CLUSTER_BITS_MIN &&
           bytes <= G_GUINT64_CONSTANT(1) << SINTER_QCOW2_CLUSTER_BITS_MAX;
}

static void
ask_cluster_size(const SinterQcow2GuessedGeometry *guess, SinterRescueResult *result)
{
    g_autoptr(GString) text = g_string_new("state the cluster size: ");

    for (guint i = 0; i < guess->n_candidates; i++)
        g_string_append_printf(text, "%s%u", i ? " or " : "", 1U << guess->cluster_bits[i]);
    ask(result, text->str);
}

/* The geometry of an image without a header. */
static gboolean
rescue_guess_geometry(SinterQcow2Rescue *self, const SinterRescueOptions *options,
                      SinterRescueResult *result, GError **error)
{
    SinterQcow2GuessedGeometry guess;
    guint32 bits;

    if (options->cluster_bytes && !cluster_size_is_valid(options->cluster_bytes)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                            "the cluster size must be a power of two between 512 and 2M");
        return FALSE;
    }
    if (!sinter_qcow2_guess_geometry(self->io, self->file_bytes, self->cancellable, self->progress,
                                     &guess, error))
        return FALSE;
    if (guess.n_candidates == 0 && !options->cluster_bytes) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                            "the file has neither a qcow2 header nor L2 tables");
        return FALSE;
    }
    if (guess.n_candidates > 1 && !options->cluster_bytes)
        ask_cluster_size(&guess, result);
    bits = options->cluster_bytes ? (guint32)__builtin_ctzll(options->cluster_bytes)
                                  : guess.cluster_bits[0];
    if (bits < SINTER_QCOW2_EXTENDED_L2_CLUSTER_BITS_MIN)
        guess.extended_l2 = FALSE;
    sinter_qcow2_geometry_init(&self->geo, VERSION_DEFAULT, bits, REFCOUNT_ORDER_DEFAULT,
                               guess.extended_l2 ? SINTER_QCOW2_INCOMPAT_EXTENDED_L2 : 0);
    result->header_is_lost = TRUE;
    if (!options->backing_name && !options->has_no_backing)
        ask(result, "state the backing file, or that there was none");
    return TRUE;
}

static gboolean
no_memory(GError **error)
{
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                        "there is not enough memory for a file of this size");
    return FALSE;
}

static gboolean
rescue_make_lists(SinterQcow2Rescue *self, GError **error)
{
    self->n_clusters = sinter_qcow2_geometry_clusters(&self->geo, self->file_bytes);
    self->use = g_try_malloc0_n(self->n_clusters, 1);
    self->claims = g_try_malloc0_n(self->n_clusters, sizeof *self->claims);
    self->tables = g_array_new(FALSE, FALSE, sizeof(SinterQcow2RescueTable));
    self->old_l1 = g_array_new(FALSE, FALSE, sizeof(guint64));
    self->data = g_array_new(FALSE, FALSE, sizeof(SinterQcow2RescueData));
    self->entries = g_array_new(FALSE, FALSE, sizeof(SinterQcow2RescueEntry));
    self->samples = sinter_qcow2_rescue_samples_new();
    self->bases = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    sinter_qcow2_clues_init(&self->clues);
    return (self->use && self->claims) || no_memory(error);
}

/* The slots of the disk, whose size is known. */
static gboolean
rescue_make_slots(SinterQcow2Rescue *self, GError **error)
{
    self->n_slots = sinter_qcow2_geometry_l1_entries(&self->geo, self->disk_bytes);
    if (self->n_slots == 0 || self->n_slots > SINTER_QCOW2_L1_MAX_BYTES / 8) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "a disk of %" G_GUINT64_FORMAT " bytes does not fit an L1 table",
                    self->disk_bytes);
        return FALSE;
    }
    self->slots = g_try_malloc0_n(self->n_slots, sizeof *self->slots);
    self->broken_l1 = g_try_malloc0_n(self->n_slots / 8 + 1, 1);
    return (self->slots && self->broken_l1) || no_memory(error);
}

/* The end of what partition tables and file systems describe, or the room of the tables found. */
static guint64
disk_at_least(const SinterQcow2Rescue *self)
{
    guint64 bytes = 0;

    for (guint i = 0; i < self->clues.partitions->len; i++) {
        const SinterQcow2Partition *partition =
            &g_array_index(self->clues.partitions, SinterQcow2Partition, i);

        if (partition->bytes <= G_MAXINT64 - MIN(partition->start, G_MAXINT64))
            bytes = MAX(bytes, partition->start + partition->bytes);
    }
    return MAX(bytes, (guint64)self->tables->len << (self->geo.cluster_bits + self->geo.l2_bits));
}

static void
rescue_guess_size(SinterQcow2Rescue *self, const SinterRescueOptions *options,
                  SinterRescueResult *result)
{
    guint64 slots_max = SINTER_QCOW2_L1_MAX_BYTES / 8;

    self->disk_bytes = options->virtual_bytes ? options->virtual_bytes : self->clues.disk_bytes;
    if (self->disk_bytes != 0)
        return;
    self->disk_bytes = disk_at_least(self);
    if (sinter_qcow2_geometry_l1_entries(&self->geo, self->disk_bytes) > slots_max)
        self->disk_bytes = slots_max << (self->geo.cluster_bits + self->geo.l2_bits);
    ask(result, "state the size of the disk");
}

static gboolean
rescue_search(SinterQcow2Rescue *self, const SinterRescueOptions *options,
              SinterRescueResult *result, GError **error)
{
    if (!rescue_make_lists(self, error) || (self->header && !rescue_make_slots(self, error)))
        return FALSE;
    sinter_qcow2_rescue_mark_known(self);
    if (!sinter_qcow2_rescue_scan(self, error) || !sinter_qcow2_rescue_claim_orphans(self, error))
        return FALSE;
    if (!self->header) {
        rescue_guess_size(self, options, result);
        if (!rescue_make_slots(self, error))
            return FALSE;
    }
    if (!sinter_qcow2_rescue_compare_backing(self, error))
        return FALSE;
    sinter_qcow2_rescue_find_bases(self);
    if (!sinter_qcow2_rescue_vote(self, error))
        return FALSE;
    sinter_qcow2_rescue_order_tables(self);
    sinter_qcow2_rescue_place_data(self);
    sinter_qcow2_rescue_order_data(self);
    sinter_qcow2_rescue_settle_data(self);
    return sinter_qcow2_rescue_infer_entries(self, error);
}

static gboolean
has_steps(const SinterRescueResult *result, SinterRescueConfidence level)
{
    for (guint i = 0; i < result->steps->len; i++) {
        if (g_array_index(result->steps, SinterRescueStep, i).confidence >= level)
            return TRUE;
    }
    return FALSE;
}

/* A new header is a step like the others: the geometry is certain if nothing had to be asked. */
static void
report_header(const SinterQcow2Rescue *self, SinterRescueResult *result)
{
    SinterRescueStep step = { .kind = SINTER_RESCUE_HEADER,
                              .confidence =
                                  result->question ? SINTER_RESCUE_NONE : SINTER_RESCUE_CERTAIN };

    step.reasons =
        g_strdup_printf("L2 tables with %s entries in clusters of %u bytes",
                        self->geo.extended_l2 ? "extended" : "plain", self->geo.cluster_size);
    g_array_prepend_val(result->steps, step);
}

gboolean
sinter_qcow2_rescue(SinterIo *io, const SinterRescueOptions *options, SinterRescueResult *result,
                    GError **error)
{
    g_auto(SinterQcow2Rescue) self = { .io = io,
                                       .cancellable = options->cancellable,
                                       .progress = options->progress,
                                       .read_backing = options->read_backing,
                                       .backing_data = options->backing_data,
                                       .backing_bytes = options->backing_bytes };

    if (!sinter_io_get_size(io, &self.file_bytes, error) || !rescue_read_header(&self, error))
        return FALSE;
    if (!self.header && !rescue_guess_geometry(&self, options, result, error))
        return FALSE;
    if (!rescue_search(&self, options, result, error))
        return FALSE;
    sinter_qcow2_rescue_report(&self, options->apply ? options->apply : SINTER_RESCUE_LIKELY,
                               result);
    if (!self.header)
        report_header(&self, result);
    if (options->apply == SINTER_RESCUE_NONE || result->question ||
        !has_steps(result, options->apply))
        return TRUE;
    if (!sinter_qcow2_rescue_write(&self, options, error))
        return FALSE;
    result->applied = options->apply;
    return TRUE;
}
