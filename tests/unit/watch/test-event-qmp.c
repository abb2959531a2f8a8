/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What QEMU's own events mean, also when they are not what they should be. Names stay as QEMU said
 * them; see test-event-disk for the disk. */

#include "sinter-event-qmp.h"

#define NO_EVENT ((SinterEventKind)-1)

static const struct {
    const char *name;
    const char *details;
    SinterEventKind kind; /* NO_EVENT: no news */
    const char *device;
    const char *text;
    const char *node;
} cases[] = {
    { "BLOCK_JOB_COMPLETED",
      "{\"device\":\"commit-vda-libvirt-3-format\",\"len\":1,\"offset\":0,\"speed\":0,"
      "\"type\":\"commit\",\"error\":\"No space left on device\"}",
      SINTER_EVENT_QMP_JOB_ERROR, "commit-vda-libvirt-3-format", "No space left on device" },
    { "BLOCK_JOB_COMPLETED", "{\"device\":\"pull-vdb-libvirt-1-format\",\"error\":\"x\"}",
      SINTER_EVENT_QMP_JOB_ERROR, "pull-vdb-libvirt-1-format", "x" },
    { "BLOCK_JOB_COMPLETED", "{\"device\":\"copy-sda\",\"error\":\"x\"}",
      SINTER_EVENT_QMP_JOB_ERROR, "copy-sda", "x" },
    { "BLOCK_JOB_COMPLETED", "{\"device\":\"drive-virtio-disk0\",\"error\":\"x\"}",
      SINTER_EVENT_QMP_JOB_ERROR, "drive-virtio-disk0", "x" },
    { "BLOCK_JOB_COMPLETED", "{\"error\":\"x\"}", SINTER_EVENT_QMP_JOB_ERROR, NULL, "x" },
    { "BLOCK_JOB_COMPLETED", "{\"device\":\"commit-vda-libvirt-3-format\"}", NO_EVENT },
    { "BLOCK_JOB_COMPLETED", "{\"device\":[],\"error\":7}", NO_EVENT },
    { "BLOCK_JOB_ERROR",
      "{\"device\":\"commit-vda-libvirt-3-format\",\"operation\":\"write\",\"action\":\"report\"}",
      SINTER_EVENT_QMP_JOB_ERROR, "commit-vda-libvirt-3-format",
      "I/O error on write, action report" },
    { "BLOCK_JOB_ERROR", "{}", SINTER_EVENT_QMP_JOB_ERROR, NULL,
      "I/O error on access, action unknown" },
    { "BLOCK_IMAGE_CORRUPTED",
      "{\"device\":\"\",\"node-name\":\"libvirt-2-format\",\"msg\":\"L2 table offset\","
      "\"fatal\":true}",
      SINTER_EVENT_QMP_CORRUPTED, NULL, "L2 table offset", "libvirt-2-format" },
    { "BLOCK_IMAGE_CORRUPTED", "{\"device\":\"drive-virtio-disk0\"}", SINTER_EVENT_QMP_CORRUPTED,
      "drive-virtio-disk0", "the image is corrupt" },
    { "BLOCK_JOB_READY", "{\"device\":\"x\",\"error\":\"x\"}", NO_EVENT },
    { "BLOCK_JOB_COMPLETED", NULL, NO_EVENT },
    { "BLOCK_JOB_COMPLETED", "", NO_EVENT },
    { "BLOCK_JOB_COMPLETED", "[1]", NO_EVENT },
    { "BLOCK_JOB_COMPLETED", "{\"error\":", NO_EVENT },
};

static void
test_cases(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(SinterEvent) event = sinter_event_new_from_qmp(cases[i].name, cases[i].details);

        g_test_message("%s %s", cases[i].name, cases[i].details);
        if (cases[i].kind == NO_EVENT) {
            g_assert_null(event);
            continue;
        }
        g_assert_nonnull(event);
        g_assert_cmpint(event->kind, ==, cases[i].kind);
        g_assert_null(event->disk);
        g_assert_cmpstr(event->device, ==, cases[i].device);
        g_assert_cmpstr(event->node, ==, cases[i].node);
        g_assert_cmpstr(event->text, ==, cases[i].text);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/event-qmp/cases", test_cases);
    return g_test_run();
}
