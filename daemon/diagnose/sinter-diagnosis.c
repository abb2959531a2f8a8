/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The causes of I/O errors, and how they are told apart. Invariant: the table is ordered from the
 * specific to the general, so the first row that matches is the diagnosis; a row that blames a lack
 * of space requires a measured lack; every row leaves evidence.
 */

#include "sinter-diagnosis.h"

#include <errno.h>
#include <string.h>

#include "sinter-units.h"

/*
 * A file system with less free space than this is full: QEMU, libvirt and the file system itself
 * write in pieces of up to a few MiB.
 */
#define FULL_BELOW_BYTES (16 * 1024 * 1024)

/* Returns whether a row matches; if so, it has added its evidence. @layer is NULL for rows about
 * the domain. */
typedef gboolean (*Test)(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                         GPtrArray *evidence);

static G_GNUC_PRINTF(2, 3) gboolean add(GPtrArray *evidence, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(evidence, g_strdup_vprintf(format, args));
    va_end(args);
    return TRUE;
}

static gboolean
add_bytes(GPtrArray *evidence, const char *what, guint64 bytes)
{
    g_autofree char *text = sinter_units_format_bytes(bytes);

    return add(evidence, "%s: %s", what, text);
}

/* --- the whole disk --------------------------------------------------------------------------- */

static gboolean
test_corrupt_reported(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                      GPtrArray *evidence)
{
    return symptoms->kind == SINTER_EVENT_QMP_CORRUPTED &&
           add(evidence, "QEMU: %s", symptoms->text ? symptoms->text : "image corrupted");
}

static gboolean
test_crashed(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return symptoms->crashed && add(evidence, "QEMU ended without being asked to");
}

static gboolean
test_silent(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return symptoms->silent && add(evidence, "the storage did not answer within a second");
}

/* --- the file --------------------------------------------------------------------------------- */

static gboolean
has_error(const SinterLayerSymptoms *layer, int number, GPtrArray *evidence)
{
    if (layer->look_errno == number)
        return add(evidence, "opening '%s': %s", layer->description, g_strerror(number));
    return layer->read_errno == number &&
           add(evidence, "reading '%s' at offset %" G_GUINT64_FORMAT ": %s", layer->description,
               layer->read_offset_bytes, g_strerror(number));
}

static gboolean
has_any_error(const SinterLayerSymptoms *layer, const int *numbers, gsize n, GPtrArray *evidence)
{
    for (gsize i = 0; i < n; i++) {
        if (has_error(layer, numbers[i], evidence))
            return TRUE;
    }
    return FALSE;
}

static gboolean
test_deleted(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return layer->deleted &&
           add(evidence, "the file that QEMU has open as '%s' was removed", layer->path);
}

static gboolean
test_replaced(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return layer->replaced &&
           add(evidence, "'%s' leads to another file than the one that QEMU has open", layer->path);
}

static gboolean
test_missing(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    if (layer->look_errno == 0 && layer->missing)
        return add(evidence, "the backing chain names '%s', which does not exist",
                   layer->description);
    return has_error(layer, ENOENT, evidence);
}

static gboolean
test_stale(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return has_error(layer, ESTALE, evidence);
}

static gboolean
test_gone(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    static const int numbers[] = { ENOTCONN,     EHOSTDOWN, EHOSTUNREACH, ENETUNREACH,
                                   ECONNREFUSED, ETIMEDOUT, ENODEV,       ENXIO,
                                   ENOMEDIUM,    ESHUTDOWN, ECONNABORTED };

    return has_any_error(layer, numbers, G_N_ELEMENTS(numbers), evidence);
}

static gboolean
test_medium(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    static const int numbers[] = { EIO, EREMOTEIO, ENODATA };

    return has_any_error(layer, numbers, G_N_ELEMENTS(numbers), evidence);
}

static gboolean
test_fs_damaged(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                GPtrArray *evidence)
{
    static const int numbers[] = { EUCLEAN, EBADMSG };

    return has_any_error(layer, numbers, G_N_ELEMENTS(numbers), evidence);
}

static gboolean
test_no_access(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
               GPtrArray *evidence)
{
    static const int numbers[] = { EACCES, EPERM };

    return has_any_error(layer, numbers, G_N_ELEMENTS(numbers), evidence);
}

static gboolean
test_link_loop(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
               GPtrArray *evidence)
{
    return has_error(layer, ELOOP, evidence);
}

static gboolean
test_denied(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return layer->active && layer->denied && !symptoms->no_space &&
           add(evidence, "owner and mode of '%s' do not let the user of QEMU write", layer->path);
}

/* --- space ------------------------------------------------------------------------------------ */

static gboolean
test_read_only(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
               GPtrArray *evidence)
{
    return layer->active && layer->fs_read_only &&
           add(evidence, "%s is mounted read-only", layer->fs_path);
}

static gboolean
test_quota(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return layer->active && layer->quota &&
           add(evidence, "%s on %s is exhausted", layer->quota, layer->fs_path);
}

static gboolean
test_size_limit(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                GPtrArray *evidence)
{
    return layer->active && layer->size_limit_bytes > 0 &&
           layer->bytes + FULL_BELOW_BYTES > layer->size_limit_bytes &&
           add_bytes(evidence, "size of the image", layer->bytes) &&
           add_bytes(evidence, "largest file that QEMU may write", layer->size_limit_bytes);
}

static gboolean
test_no_inodes(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
               GPtrArray *evidence)
{
    return symptoms->no_space && layer->active && layer->fs_inodes > 0 &&
           layer->fs_free_inodes == 0 && layer->fs_free_bytes >= FULL_BELOW_BYTES &&
           add(evidence, "%s: all %" G_GUINT64_FORMAT " inodes are in use", layer->fs_path,
               layer->fs_inodes);
}

static gboolean
is_full(const SinterLayerSymptoms *layer)
{
    return layer->active && layer->fs_bytes > 0 && layer->fs_free_bytes < FULL_BELOW_BYTES;
}

static gboolean
add_space(const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return add(evidence, "file system: %s (%s)", layer->fs_path,
               layer->fs_type ? layer->fs_type : "unknown type") &&
           add_bytes(evidence, "size", layer->fs_bytes) &&
           add_bytes(evidence, "free", layer->fs_free_bytes);
}

static gboolean
test_reserved(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return symptoms->no_space && is_full(layer) && layer->fs_reserved_bytes >= FULL_BELOW_BYTES &&
           add_space(layer, evidence) &&
           add_bytes(evidence, "reserved for root", layer->fs_reserved_bytes);
}

static gboolean
test_full(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return symptoms->no_space && is_full(layer) && add_space(layer, evidence);
}

/* A device cannot grow by itself: QEMU reports no space where a qcow2 image reaches its end. */
static gboolean
test_device_end(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                GPtrArray *evidence)
{
    return symptoms->no_space && layer->active && layer->type == SINTER_SOURCE_BLOCK &&
           layer->bytes > 0 && add_bytes(evidence, "size of the device", layer->bytes);
}

static gboolean
test_space_again(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                 GPtrArray *evidence)
{
    return symptoms->no_space && layer->active && layer->fs_bytes > 0 && !is_full(layer) &&
           add_space(layer, evidence);
}

/* --- the image -------------------------------------------------------------------------------- */

static gboolean
test_marked_corrupt(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                    GPtrArray *evidence)
{
    return layer->marked_corrupt &&
           add(evidence, "the header of '%s' has the corrupt bit", layer->description);
}

static gboolean
test_bad_header(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                GPtrArray *evidence)
{
    return layer->trouble && add(evidence, "'%s': %s", layer->description, layer->trouble);
}

/* --- the rest --------------------------------------------------------------------------------- */

static gboolean
test_network(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    return layer->type == SINTER_SOURCE_NETWORK &&
           add(evidence, "'%s' is network storage", layer->description);
}

static gboolean
test_unseen_space(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer,
                  GPtrArray *evidence)
{
    return symptoms->no_space && add(evidence, "libvirt reported no space; where is not known");
}

static gboolean
test_rest(const SinterSymptoms *symptoms, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    for (guint i = 0; i < symptoms->layers->len; i++) {
        const SinterLayerSymptoms *each = symptoms->layers->pdata[i];

        if (each->path)
            add(evidence, "'%s' can be opened and read", each->path);
    }
    return TRUE;
}

/* --- the table -------------------------------------------------------------------------------- */

typedef struct {
    SinterCause cause;
    gboolean of_layer; /* tried for each layer; otherwise once */
    Test test;
} Row;

static const Row rows[] = {
    { { "image-corrupted", "QEMU found damage in %s and stopped using it",
        "Do not resume the guest. Shut the domain off and repair the image with "
        "'sinter-img check'" },
      FALSE,
      test_corrupt_reported },
    { { "qemu-crashed", "QEMU ended unexpectedly while %s was in use",
        "Check the images with 'sinter-img check' before the domain is started" },
      FALSE,
      test_crashed },
    { { "storage-silent", "The storage of %s does not answer",
        "Check the server, the network and the mount. The guest can be resumed when the storage "
        "answers" },
      FALSE,
      test_silent },
    { { "image-deleted", "%s was removed while QEMU uses it",
        "Do not stop the domain: its data exists as long as QEMU runs. Copy it away first, for "
        "example with 'sinter copy'" },
      TRUE,
      test_deleted },
    { { "image-replaced", "%s was replaced while QEMU uses the former file",
        "Check what was mounted or copied there. The guest must be restarted to use the new file" },
      TRUE,
      test_replaced },
    { { "image-missing", "%s does not exist", "Mount or restore its directory, then resume" },
      TRUE,
      test_missing },
    { { "storage-stale", "The server no longer knows the file handle of %s",
        "Mount the export again. The guest must be restarted" },
      TRUE,
      test_stale },
    { { "storage-gone", "The storage of %s is disconnected",
        "Connect the storage again, then resume the guest" },
      TRUE,
      test_gone },
    { { "file-system-damaged", "The file system of %s is damaged",
        "Shut the domain off, unmount and check the file system" },
      TRUE,
      test_fs_damaged },
    { { "medium-error", "%s cannot be read from its medium",
        "Copy the disk to other storage; see the kernel log for the device" },
      TRUE,
      test_medium },
    { { "link-loop", "The path of %s contains a loop of symbolic links", "Correct the links" },
      TRUE,
      test_link_loop },
    { { "access-denied", "sinterd may not read %s",
        "Check owner, mode and security labels of the path" },
      TRUE,
      test_no_access },
    { { "file-system-read-only", "The file system of %s is mounted read-only",
        "Check the kernel log for the reason, then mount it read-write and resume the guest" },
      TRUE,
      test_read_only },
    { { "quota-exceeded", "A quota is exhausted where %s is stored",
        "Raise the quota or remove files, then resume the guest" },
      TRUE,
      test_quota },
    { { "file-size-limit", "%s has reached the largest size that QEMU may write",
        "Raise max_file_size or the limit of the service, then restart the domain" },
      TRUE,
      test_size_limit },
    { { "no-inodes", "The file system of %s has no free inodes",
        "Remove files, then resume the guest" },
      TRUE,
      test_no_inodes },
    { { "only-reserved-space", "The file system of %s has only space that is reserved for root",
        "Free space, or reduce the reserved space (tune2fs -m), then resume the guest" },
      TRUE,
      test_reserved },
    { { "file-system-full", "The file system of %s is full",
        "Free or add space, then resume the guest; 'sinter list' shows what consolidation would "
        "free" },
      TRUE,
      test_full },
    { { "device-full", "The device of %s has no space left",
        "Grow the volume, or the thin pool that it is in, then resume the guest" },
      TRUE,
      test_device_end },
    { { "image-marked-corrupt", "%s is marked as corrupt",
        "Shut the domain off and repair the image with 'sinter-img check'" },
      TRUE,
      test_marked_corrupt },
    { { "image-damaged", "%s cannot be opened",
        "Shut the domain off and examine the image with 'sinter-img check'" },
      TRUE,
      test_bad_header },
    { { "space-was-short", "The file system of %s was full for a moment and has space again",
        "Resume the guest", TRUE },
      TRUE,
      test_space_again },
    { { "no-space-elsewhere", "There is no space for %s",
        "Find what is full, then resume the guest" },
      FALSE,
      test_unseen_space },
    { { "write-denied", "QEMU may not write to %s",
        "Correct the owner or mode of the image, then resume the guest" },
      TRUE,
      test_denied },
    { { "network-storage", "Network storage failed: %s",
        "Check the server and the network, then resume the guest" },
      TRUE,
      test_network },
    { { "unknown", "The cause is not visible on %s any more",
        "See the log of the domain and the kernel log; if the cause has passed, resume the guest",
        TRUE },
      FALSE,
      test_rest },
};

const SinterCause *
sinter_cause_get(guint index, guint *ret_n)
{
    *ret_n = G_N_ELEMENTS(rows);
    return index < G_N_ELEMENTS(rows) ? &rows[index].cause : NULL;
}

static SinterDiagnosis *
diagnosis_new(const SinterCause *cause, const SinterLayerSymptoms *layer, GPtrArray *evidence)
{
    SinterDiagnosis *self = g_new0(SinterDiagnosis, 1);
    const char *name = layer ? layer->description : "the disk";
    const char *place = strstr(cause->summary, "%s");
    g_autofree char *quoted = layer ? g_strdup_printf("'%s'", name) : g_strdup(name);

    self->cause = cause;
    self->layer = layer ? g_strdup(name) : NULL;
    self->summary = g_strdup_printf("%.*s%s%s", (int)(place - cause->summary), cause->summary,
                                    quoted, place + 2);
    if (g_str_has_prefix(self->summary, "the disk"))
        self->summary[0] = 'T';
    self->evidence = g_ptr_array_ref(evidence);
    return self;
}

static SinterDiagnosis *
try_row(const Row *row, const SinterSymptoms *symptoms, GPtrArray *evidence)
{
    const SinterLayerSymptoms *first =
        symptoms->layers->len > 0 ? symptoms->layers->pdata[0] : NULL;

    if (!row->of_layer)
        return row->test(symptoms, NULL, evidence) ? diagnosis_new(&row->cause, first, evidence)
                                                   : NULL;
    for (guint i = 0; i < symptoms->layers->len; i++) {
        const SinterLayerSymptoms *layer = symptoms->layers->pdata[i];

        if (row->test(symptoms, layer, evidence))
            return diagnosis_new(&row->cause, layer, evidence);
    }
    return NULL;
}

SinterDiagnosis *
sinter_diagnose(const SinterSymptoms *symptoms)
{
    g_autoptr(GPtrArray) evidence = g_ptr_array_new_with_free_func(g_free);
    SinterDiagnosis *found = NULL;

    for (gsize i = 0; !found && i < G_N_ELEMENTS(rows); i++)
        found = try_row(&rows[i], symptoms, evidence);
    return found;
}

void
sinter_diagnosis_free(SinterDiagnosis *diagnosis)
{
    if (!diagnosis)
        return;
    g_free(diagnosis->layer);
    g_free(diagnosis->summary);
    g_ptr_array_unref(diagnosis->evidence);
    g_free(diagnosis);
}
