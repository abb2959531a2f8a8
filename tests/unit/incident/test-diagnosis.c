/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of causes, row by row: the symptoms of each cause lead to it, healthy storage leads to
 * none of them, and a lack of space is never claimed where there is space. */

#include "sinter-diagnosis.h"

#include <errno.h>
#include <string.h>

#define MIB (1024 * 1024)

/* Healthy storage: each case changes something in it. */
static SinterSymptoms *
healthy(void)
{
    g_autoptr(SinterSymptoms) symptoms = sinter_symptoms_new();
    SinterLayer layer = { .path = (char *)"/images/top.qcow2",
                          .description = (char *)"/images/top.qcow2" };
    SinterLayer base = { .path = (char *)"/images/base.qcow2",
                         .description = (char *)"/images/base.qcow2" };
    SinterLayerSymptoms *top = sinter_layer_symptoms_new(&layer);

    symptoms->kind = SINTER_EVENT_IO_ERROR;
    top->active = TRUE;
    top->bytes = 100 * MIB;
    top->fs_path = g_strdup("/images");
    top->fs_type = g_strdup("xfs");
    top->fs_bytes = (guint64)10000 * MIB;
    top->fs_free_bytes = (guint64)5000 * MIB;
    top->fs_inodes = 1000;
    top->fs_free_inodes = 500;
    g_ptr_array_add(symptoms->layers, top);
    g_ptr_array_add(symptoms->layers, sinter_layer_symptoms_new(&base));
    return g_steal_pointer(&symptoms);
}

typedef void (*Damage)(SinterSymptoms *symptoms, SinterLayerSymptoms *top,
                       SinterLayerSymptoms *base);

#define DAMAGE(name)                                                                               \
    static void name(SinterSymptoms *symptoms, SinterLayerSymptoms *top, SinterLayerSymptoms *base)

DAMAGE(corrupted)
{
    symptoms->kind = SINTER_EVENT_QMP_CORRUPTED;
    symptoms->text = g_strdup("Preventing invalid write on metadata");
}
DAMAGE(crashed)
{
    symptoms->kind = SINTER_EVENT_LIFECYCLE;
    symptoms->crashed = TRUE;
}
DAMAGE(silent)
{
    symptoms->silent = TRUE;
}
DAMAGE(deleted)
{
    top->deleted = TRUE;
    top->look_errno = ENOENT;
}
DAMAGE(replaced)
{
    top->replaced = TRUE;
}
DAMAGE(missing)
{
    base->look_errno = ENOENT;
}
DAMAGE(missing_in_scan)
{
    base->missing = TRUE;
}
DAMAGE(stale)
{
    top->read_errno = ESTALE;
}
DAMAGE(gone)
{
    top->look_errno = ENOTCONN;
}
DAMAGE(gone_device)
{
    top->read_errno = ENXIO;
}
DAMAGE(fs_damaged)
{
    top->read_errno = EUCLEAN;
}
DAMAGE(medium)
{
    base->read_errno = EIO;
}
DAMAGE(links)
{
    top->look_errno = ELOOP;
}
DAMAGE(no_access)
{
    base->look_errno = EACCES;
}
DAMAGE(read_only)
{
    top->fs_read_only = TRUE;
}
DAMAGE(quota)
{
    symptoms->no_space = TRUE;
    top->quota = g_strdup("the quota of user 107");
}
DAMAGE(size_limit)
{
    top->size_limit_bytes = 101 * MIB;
}
DAMAGE(no_inodes)
{
    symptoms->no_space = TRUE;
    top->fs_free_inodes = 0;
}
DAMAGE(reserved)
{
    symptoms->no_space = TRUE;
    top->fs_free_bytes = 0;
    top->fs_reserved_bytes = 500 * MIB;
}
DAMAGE(full)
{
    symptoms->no_space = TRUE;
    top->fs_free_bytes = 4096;
}
DAMAGE(device_full)
{
    symptoms->no_space = TRUE;
    top->type = SINTER_SOURCE_BLOCK;
    top->fs_bytes = 0;
}
DAMAGE(space_again)
{
    symptoms->no_space = TRUE;
}
DAMAGE(space_of_nothing)
{
    symptoms->no_space = TRUE;
    top->fs_bytes = 0;
}
DAMAGE(marked)
{
    base->marked_corrupt = TRUE;
}
DAMAGE(bad_header)
{
    base->trouble = g_strdup("Unsupported qcow2 version 9");
}
DAMAGE(denied)
{
    top->denied = TRUE;
}
DAMAGE(network)
{
    top->type = SINTER_SOURCE_NETWORK;
}
DAMAGE(nothing)
{
}

static const struct {
    const char *cause;
    const char *layer; /* the image that it names; NULL: any */
    Damage damage;
} cases[] = {
    { "image-corrupted", NULL, corrupted },
    { "qemu-crashed", NULL, crashed },
    { "storage-silent", NULL, silent },
    { "image-deleted", "/images/top.qcow2", deleted },
    { "image-replaced", "/images/top.qcow2", replaced },
    { "image-missing", "/images/base.qcow2", missing },
    { "image-missing", "/images/base.qcow2", missing_in_scan },
    { "storage-stale", "/images/top.qcow2", stale },
    { "storage-gone", "/images/top.qcow2", gone },
    { "storage-gone", "/images/top.qcow2", gone_device },
    { "file-system-damaged", "/images/top.qcow2", fs_damaged },
    { "medium-error", "/images/base.qcow2", medium },
    { "link-loop", "/images/top.qcow2", links },
    { "access-denied", "/images/base.qcow2", no_access },
    { "file-system-read-only", "/images/top.qcow2", read_only },
    { "quota-exceeded", "/images/top.qcow2", quota },
    { "file-size-limit", "/images/top.qcow2", size_limit },
    { "no-inodes", "/images/top.qcow2", no_inodes },
    { "only-reserved-space", "/images/top.qcow2", reserved },
    { "file-system-full", "/images/top.qcow2", full },
    { "device-full", "/images/top.qcow2", device_full },
    { "space-was-short", "/images/top.qcow2", space_again },
    { "no-space-elsewhere", NULL, space_of_nothing },
    { "image-marked-corrupt", "/images/base.qcow2", marked },
    { "image-damaged", "/images/base.qcow2", bad_header },
    { "write-denied", "/images/top.qcow2", denied },
    { "network-storage", "/images/top.qcow2", network },
    { "unknown", NULL, nothing },
};

static SinterDiagnosis *
diagnose(Damage damage)
{
    g_autoptr(SinterSymptoms) symptoms = healthy();

    damage(symptoms, symptoms->layers->pdata[0], symptoms->layers->pdata[1]);
    return sinter_diagnose(symptoms);
}

static void
test_row(gconstpointer data)
{
    guint index = GPOINTER_TO_UINT(data);
    g_autoptr(SinterDiagnosis) diagnosis = diagnose(cases[index].damage);

    g_assert_cmpstr(diagnosis->cause->name, ==, cases[index].cause);
    if (cases[index].layer)
        g_assert_cmpstr(diagnosis->layer, ==, cases[index].layer);
    g_assert_cmpuint(diagnosis->evidence->len, >, 0);
    g_assert_null(strchr(diagnosis->summary, '%'));
    g_assert_true(g_ascii_isupper(diagnosis->summary[0]) || diagnosis->summary[0] == '\'' ||
                  g_str_has_prefix(diagnosis->summary, "sinterd"));
}

/* Each row of the table has a case. */
static void
test_all_rows(void)
{
    guint n;

    sinter_cause_get(0, &n);
    g_assert_cmpuint(n, >=, 20);
    for (guint i = 0; i < n; i++) {
        const SinterCause *cause = sinter_cause_get(i, &n);
        gboolean found = FALSE;

        for (gsize j = 0; j < G_N_ELEMENTS(cases); j++)
            found |= strcmp(cases[j].cause, cause->name) == 0;
        if (!found)
            g_error("no case for '%s'", cause->name);
        g_assert_nonnull(strstr(cause->summary, "%s"));
    }
}

/* A full file system is not blamed for an error that is none of space. */
static void
test_full_but_no_lack(void)
{
    g_autoptr(SinterSymptoms) symptoms = healthy();
    SinterLayerSymptoms *top = symptoms->layers->pdata[0];
    g_autoptr(SinterDiagnosis) diagnosis = NULL;

    top->fs_free_bytes = 0;
    diagnosis = sinter_diagnose(symptoms);
    g_assert_cmpstr(diagnosis->cause->name, ==, "unknown");
}

/* What only a layer below lacks is not what a write failed of. */
static void
test_base_is_full(void)
{
    g_autoptr(SinterSymptoms) symptoms = healthy();
    SinterLayerSymptoms *base = symptoms->layers->pdata[1];
    g_autoptr(SinterDiagnosis) diagnosis = NULL;

    symptoms->no_space = TRUE;
    base->fs_bytes = MIB;
    diagnosis = sinter_diagnose(symptoms);
    g_assert_cmpstr(diagnosis->cause->name, ==, "space-was-short");
}

static void
test_no_layers(void)
{
    g_autoptr(SinterSymptoms) symptoms = sinter_symptoms_new();
    g_autoptr(SinterDiagnosis) diagnosis = NULL;

    symptoms->kind = SINTER_EVENT_IO_ERROR;
    diagnosis = sinter_diagnose(symptoms);
    g_assert_cmpstr(diagnosis->cause->name, ==, "unknown");
    g_assert_null(diagnosis->layer);
    g_assert_cmpstr(diagnosis->summary, ==, "The cause is not visible on the disk any more");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/diagnosis/row/%02u-%s", i, cases[i].cause);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_row);
    }
    g_test_add_func("/diagnosis/all-rows", test_all_rows);
    g_test_add_func("/diagnosis/full-but-no-lack", test_full_but_no_lack);
    g_test_add_func("/diagnosis/base-is-full", test_base_is_full);
    g_test_add_func("/diagnosis/no-layers", test_no_layers);
    return g_test_run();
}
