/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What libvirt and QEMU call a disk, and which disk that is. */

#include "sinter-event-disk.h"
#include "watch-fixture.h"

/* vda: /images/top (index 4) on /images/base (1), with a mirror to /images/copy (9); vdb:
 * /images/other (7) on the same base (2); sda: an empty drive. */
static SinterDomain *
make_domain(void)
{
    SinterDomain *domain = fixture_domain("web", TRUE);
    SinterDisk *vda = fixture_disk(domain, "vda");
    SinterDisk *vdb = fixture_disk(domain, "vdb");
    SinterDisk *sda = fixture_disk(domain, "sda");

    vda->alias = g_strdup("virtio-disk0");
    vdb->alias = g_strdup("ua-data");
    sda->alias = g_strdup("sata0-0-0");
    fixture_layer(vda->layers, "/images/top", 11)->index = 4;
    fixture_layer(vda->layers, "/images/base", 12)->index = 1;
    vda->mirror_layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    fixture_layer(vda->mirror_layers, "/images/copy", 13)->index = 9;
    fixture_layer(vdb->layers, "/images/other", 14)->index = 7;
    fixture_layer(vdb->layers, "/images/base", 12)->index = 2;
    return domain;
}

enum { WITHOUT_DOMAIN = 1 << 0, UNKNOWN = 1 << 1 };

static const struct {
    SinterEventKind kind;
    guint flags;
    const char *device;
    const char *node;
    const char *disk;
    guint layer_index;
} cases[] = {
    /* libvirt's targets, also of disks and domains that nobody has read yet */
    { SINTER_EVENT_BLOCK_JOB, 0, "vda", NULL, "vda", 0 },
    { SINTER_EVENT_BLOCK_JOB, 0, "vdz", NULL, "vdz", 0 },
    { SINTER_EVENT_BLOCK_JOB, WITHOUT_DOMAIN, "vda", NULL, "vda", 0 },
    { SINTER_EVENT_BLOCK_THRESHOLD, 0, "vda[4]", NULL, "vda", 4 },
    { SINTER_EVENT_BLOCK_THRESHOLD, 0, "vda[0]", NULL, "vda", 0 },
    { SINTER_EVENT_BLOCK_THRESHOLD, WITHOUT_DOMAIN, "vda[12]", NULL, "vda", 12 },
    { SINTER_EVENT_BLOCK_THRESHOLD, UNKNOWN, "vda[", NULL, NULL, 0 },
    { SINTER_EVENT_BLOCK_THRESHOLD, UNKNOWN, "vda[]", NULL, NULL, 0 },
    { SINTER_EVENT_BLOCK_THRESHOLD, UNKNOWN, "vda[-1]", NULL, NULL, 0 },
    { SINTER_EVENT_BLOCK_THRESHOLD, UNKNOWN, "vda[1]x", NULL, NULL, 0 },
    { SINTER_EVENT_BLOCK_THRESHOLD, UNKNOWN, "vda[99999999999]", NULL, NULL, 0 },
    { SINTER_EVENT_BLOCK_THRESHOLD, UNKNOWN, "[3]", NULL, NULL, 0 },
    /* paths: of one layer of one disk */
    { SINTER_EVENT_BLOCK_JOB, 0, "/images/top", NULL, "vda", 4 },
    { SINTER_EVENT_BLOCK_JOB, 0, "/images/./x/../top", NULL, "vda", 4 },
    { SINTER_EVENT_BLOCK_JOB, 0, "/images/copy", NULL, "vda", 9 },
    { SINTER_EVENT_BLOCK_JOB, 0, "/images/other", NULL, "vdb", 7 },
    { SINTER_EVENT_BLOCK_JOB, UNKNOWN, "/images/base", NULL, NULL, 0 },
    { SINTER_EVENT_BLOCK_JOB, UNKNOWN, "/images/none", NULL, NULL, 0 },
    { SINTER_EVENT_BLOCK_JOB, UNKNOWN | WITHOUT_DOMAIN, "/images/top", NULL, NULL, 0 },
    /* aliases */
    { SINTER_EVENT_IO_ERROR, 0, "virtio-disk0", NULL, "vda", 0 },
    { SINTER_EVENT_IO_ERROR, 0, "ua-data", NULL, "vdb", 0 },
    { SINTER_EVENT_IO_ERROR, 0, "sata0-0-0", NULL, "sda", 0 },
    { SINTER_EVENT_IO_ERROR, 0, "vdb", NULL, "vdb", 0 },
    { SINTER_EVENT_IO_ERROR, UNKNOWN, "vdz", NULL, NULL, 0 },
    { SINTER_EVENT_IO_ERROR, UNKNOWN, "virtio-disk7", NULL, NULL, 0 },
    { SINTER_EVENT_IO_ERROR, UNKNOWN, "virtio-disk", NULL, NULL, 0 },
    { SINTER_EVENT_IO_ERROR, UNKNOWN | WITHOUT_DOMAIN, "virtio-disk0", NULL, NULL, 0 },
    { SINTER_EVENT_DEVICE_REMOVED, 0, "ua-data", NULL, "vdb", 0 },
    { SINTER_EVENT_DEVICE_REMOVED, UNKNOWN, "net0", NULL, NULL, 0 },
    /* QEMU's jobs say the target */
    { SINTER_EVENT_QMP_JOB_ERROR, 0, "commit-vda-libvirt-4-format", NULL, "vda", 4 },
    { SINTER_EVENT_QMP_JOB_ERROR, WITHOUT_DOMAIN, "pull-vdb-libvirt-1-format", NULL, "vdb", 1 },
    { SINTER_EVENT_QMP_JOB_ERROR, 0, "copy-vdz-nodes-name", NULL, "vdz", 0 },
    { SINTER_EVENT_QMP_JOB_ERROR, 0, "backup-vda-libvirt-4-format", NULL, "vda", 4 },
    { SINTER_EVENT_QMP_JOB_ERROR, 0, "drive-virtio-disk0", NULL, "vda", 0 },
    { SINTER_EVENT_QMP_JOB_ERROR, UNKNOWN, "commit-", NULL, NULL, 0 },
    { SINTER_EVENT_QMP_JOB_ERROR, UNKNOWN, "commit--libvirt-4-format", NULL, NULL, 0 },
    { SINTER_EVENT_QMP_JOB_ERROR, UNKNOWN, "job0", NULL, NULL, 0 },
    { SINTER_EVENT_IO_ERROR, UNKNOWN, "commit-vda-libvirt-4-format", NULL, NULL, 0 },
    /* QEMU's drives and nodes */
    { SINTER_EVENT_QMP_CORRUPTED, 0, NULL, "libvirt-4-format", "vda", 4 },
    { SINTER_EVENT_QMP_CORRUPTED, 0, NULL, "libvirt-2-storage", "vdb", 2 },
    { SINTER_EVENT_QMP_CORRUPTED, 0, NULL, "libvirt-9-format", "vda", 9 },
    { SINTER_EVENT_QMP_CORRUPTED, 0, "libvirt-7-format", NULL, "vdb", 7 },
    { SINTER_EVENT_QMP_CORRUPTED, 0, "drive-virtio-disk0", "libvirt-1-format", "vda", 1 },
    { SINTER_EVENT_QMP_CORRUPTED, 0, "drive-virtio-disk0", "#block123", "vda", 0 },
    { SINTER_EVENT_QMP_CORRUPTED, UNKNOWN, NULL, "libvirt-5-format", NULL, 0 },
    { SINTER_EVENT_QMP_CORRUPTED, UNKNOWN, NULL, "libvirt-0-format", NULL, 0 },
    { SINTER_EVENT_QMP_CORRUPTED, UNKNOWN, NULL, "libvirt-4", NULL, 0 },
    { SINTER_EVENT_QMP_CORRUPTED, UNKNOWN, NULL, "libvirt-99999999999-format", NULL, 0 },
    { SINTER_EVENT_QMP_CORRUPTED, UNKNOWN, NULL, "#block123", NULL, 0 },
    /* of no disk */
    { SINTER_EVENT_LIFECYCLE, 0, NULL, NULL, NULL, 0 },
    { SINTER_EVENT_CONNECTED, WITHOUT_DOMAIN, NULL, NULL, NULL, 0 },
    { SINTER_EVENT_IO_ERROR, 0, "", NULL, NULL, 0 },
};

static void
test_cases(void)
{
    g_autoptr(SinterDomain) domain = make_domain();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(SinterEvent) event = sinter_event_new(cases[i].kind);
        gboolean known;

        g_test_message("%s %s %s", sinter_event_kind_name(cases[i].kind), cases[i].device,
                       cases[i].node);
        event->device = g_strdup(cases[i].device);
        event->node = g_strdup(cases[i].node);
        known = sinter_event_name_disk(event, cases[i].flags & WITHOUT_DOMAIN ? NULL : domain);
        g_assert_cmpint(known, ==, !(cases[i].flags & UNKNOWN));
        g_assert_cmpstr(event->disk, ==, cases[i].disk);
        g_assert_cmpuint(event->layer_index, ==, cases[i].layer_index);
        g_assert_cmpstr(event->device, ==, cases[i].device);
        g_assert_cmpstr(event->node, ==, cases[i].node);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/event-disk/cases", test_cases);
    return g_test_run();
}
