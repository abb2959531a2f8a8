/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots as libvirt writes them, and the edit that moves one's state to another file. */

#include "sinter-error.h"
#include "sinter-snapshot-xml.h"

#define WHAT "snapshot 's2' of domain 'web'"

/* @inactive: goes where <inactiveDomain> stands */
#define SNAPSHOT(inactive)                                                                         \
    "<domainsnapshot>\n"                                                                           \
    "  <name>s2</name>\n"                                                                          \
    "  <description>before &lt;update&gt;</description>\n"                                         \
    "  <state>disk-snapshot</state>\n"                                                             \
    "  <parent>\n    <name>s1</name>\n  </parent>\n"                                               \
    "  <creationTime>1700000000</creationTime>\n"                                                  \
    "  <memory snapshot='no'/>\n"                                                                  \
    "  <disks>\n"                                                                                  \
    "    <disk name='vda' snapshot='external' type='file'>\n"                                      \
    "      <driver type='qcow2'/>\n      <source file='/images/web.s2'/>\n    </disk>\n"           \
    "    <disk name='vdb' snapshot='no'/>\n"                                                       \
    "    <disk name='vdc' snapshot='external' type='block'>\n"                                     \
    "      <source dev='/dev/vg/s2'/>\n    </disk>\n"                                              \
    "  </disks>\n"                                                                                 \
    "  <domain type='kvm'>\n    <name>web</name>\n    <devices>\n"                                 \
    "      <disk type='file' device='disk'>\n"                                                     \
    "        <driver name='qemu' type='qcow2' cache='none'/>\n"                                    \
    "        <source file='/images/web.s1' index='3'/>\n"                                          \
    "        <backingStore type='file'>\n          <format type='qcow2'/>\n"                       \
    "          <source file='/images/base'/>\n        </backingStore>\n"                           \
    "        <target dev='vda' bus='virtio'/>\n      </disk>\n"                                    \
    "      <disk type='file' device='disk'>\n        <source file='/images/data'/>\n"              \
    "        <target dev='vdb' bus='virtio'/>\n      </disk>\n"                                    \
    "    </devices>\n"                                                                             \
    "    <graphics type='vnc' passwd='secret'/>\n  </domain>\n" inactive "  <cookie/>\n"           \
    "</domainsnapshot>\n"

#define INACTIVE(path)                                                                             \
    "  <inactiveDomain><devices><disk type='file'><source file='" path "'/>"                       \
    "<target dev='vda'/></disk></devices></inactiveDomain>\n"

static SinterXmlSnapshot *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    SinterXmlSnapshot *snapshot = sinter_xml_snapshot_new(text, WHAT, &error);

    g_assert_no_error(error);
    return snapshot;
}

static void
assert_disk(const SinterXmlSnapshot *snapshot, guint i, const char *target,
            SinterXmlSnapshotKind kind, const char *overlay)
{
    const SinterXmlSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);

    g_assert_cmpstr(disk->target, ==, target);
    g_assert_cmpint(disk->kind, ==, kind);
    g_assert_cmpstr(disk->overlay_path, ==, overlay);
}

static void
test_external(void)
{
    g_autoptr(SinterXmlSnapshot) snapshot = parse(SNAPSHOT(""));
    const SinterXmlDisk *disk = sinter_xml_domain_find_disk(snapshot->domain, "vda");
    const SinterXmlSource *source = g_ptr_array_index(disk->sources, 0);

    g_assert_cmpstr(snapshot->name, ==, "s2");
    g_assert_cmpstr(snapshot->parent, ==, "s1");
    g_assert_cmpint(snapshot->creation_time_sec, ==, 1700000000);
    g_assert_cmpint(snapshot->memory, ==, SINTER_XML_SNAPSHOT_NO);
    g_assert_null(snapshot->memory_path);
    g_assert_cmpuint(snapshot->disks->len, ==, 3);
    assert_disk(snapshot, 0, "vda", SINTER_XML_SNAPSHOT_EXTERNAL, "/images/web.s2");
    assert_disk(snapshot, 1, "vdb", SINTER_XML_SNAPSHOT_NO, NULL);
    assert_disk(snapshot, 2, "vdc", SINTER_XML_SNAPSHOT_EXTERNAL, "/dev/vg/s2");
    g_assert_cmpstr(source->path, ==, "/images/web.s1");
}

static void
test_internal(void)
{
    g_autoptr(SinterXmlSnapshot) snapshot =
        parse("<domainsnapshot><name>s</name><creationTime>soon</creationTime>"
              "<memory snapshot='internal'/>"
              "<disks><disk name='vda' snapshot='internal'/></disks></domainsnapshot>");

    g_assert_null(snapshot->parent);
    g_assert_cmpint(snapshot->creation_time_sec, ==, 0);
    g_assert_cmpint(snapshot->memory, ==, SINTER_XML_SNAPSHOT_INTERNAL);
    assert_disk(snapshot, 0, "vda", SINTER_XML_SNAPSHOT_INTERNAL, NULL);
    g_assert_null(snapshot->domain);
}

static void
test_memory(void)
{
    g_autoptr(SinterXmlSnapshot) snapshot =
        parse("<domainsnapshot><name>s</name><memory snapshot='external' file='/m'/>"
              "<disks><disk name='vda' snapshot='manual'/></disks></domainsnapshot>");

    g_assert_cmpint(snapshot->memory, ==, SINTER_XML_SNAPSHOT_EXTERNAL);
    g_assert_cmpstr(snapshot->memory_path, ==, "/m");
    assert_disk(snapshot, 0, "vda", SINTER_XML_SNAPSHOT_MANUAL, NULL);
}

static char *
replace(const char *text, const char *target, const char *path, gboolean is_block,
        const char *format)
{
    SinterXmlImage image = { path, is_block, format };
    g_autoptr(GError) error = NULL;
    char *edited = sinter_xml_snapshot_replace_source(text, WHAT, target, &image, &error);

    g_assert_no_error(error);
    return edited;
}

/* The disk changes as it must, and nothing else does: put back, the text is what it was. */
static void
test_replace(void)
{
    g_autofree char *edited = replace(SNAPSHOT(""), "vda", "/images/b&a'se", FALSE, "raw");
    g_autofree char *untouched = replace(SNAPSHOT(""), "vdb", "/images/data", FALSE, "raw");
    g_autoptr(SinterXmlSnapshot) snapshot = parse(edited);
    const SinterXmlDisk *disk = sinter_xml_domain_find_disk(snapshot->domain, "vda");
    const SinterXmlSource *source = g_ptr_array_index(disk->sources, 0);

    g_assert_cmpuint(disk->sources->len, ==, 1);
    g_assert_cmpint(source->type, ==, SINTER_XML_SOURCE_FILE);
    g_assert_cmpstr(source->path, ==, "/images/b&a'se");
    g_assert_cmpstr(source->format, ==, "raw");
    g_assert_cmpuint(source->index, ==, 0);
    g_assert_nonnull(strstr(edited, "cache=\"none\""));
    g_assert_nonnull(strstr(edited, "passwd=\"secret\""));
    g_assert_nonnull(strstr(edited, "<description>before &lt;update&gt;</description>"));
    g_assert_nonnull(strstr(edited, "<source file=\"/images/web.s2\"/>"));
    g_assert_null(strstr(edited, "/images/web.s1"));
    g_assert_null(strstr(edited, "/images/base"));
    g_assert_nonnull(strstr(untouched, "/images/web.s1"));
    g_assert_nonnull(strstr(untouched, "/images/base"));
}

static void
test_replace_by_block(void)
{
    g_autofree char *edited = replace(SNAPSHOT(""), "vdb", "/dev/vg/new", TRUE, "raw");
    g_autoptr(SinterXmlSnapshot) snapshot = parse(edited);
    const SinterXmlDisk *disk = sinter_xml_domain_find_disk(snapshot->domain, "vdb");
    const SinterXmlSource *source = g_ptr_array_index(disk->sources, 0);

    g_assert_cmpint(source->type, ==, SINTER_XML_SOURCE_BLOCK);
    g_assert_cmpstr(source->path, ==, "/dev/vg/new");
    g_assert_cmpstr(source->format, ==, "raw");
}

/* <inactiveDomain> follows where it named the same file, and only there. */
static void
test_replace_inactive(void)
{
    g_autofree char *same =
        replace(SNAPSHOT(INACTIVE("/images/web.s1")), "vda", "/new", FALSE, "raw");
    g_autofree char *other =
        replace(SNAPSHOT(INACTIVE("/images/elsewhere")), "vda", "/new", FALSE, "raw");

    g_assert_null(strstr(same, "/images/web.s1"));
    g_assert_nonnull(strstr(other, "/images/elsewhere"));
}

static void
test_replace_refused(void)
{
    const SinterXmlImage new_image = { "/new", FALSE, "raw" };
    g_autoptr(GError) error = NULL;

    g_assert_null(
        sinter_xml_snapshot_replace_source(SNAPSHOT(""), WHAT, "vdz", &new_image, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, WHAT ": its domain has no disk 'vdz'");
    g_clear_error(&error);
    g_assert_null(sinter_xml_snapshot_replace_source("<domain/>", WHAT, "vda", &new_image, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_clear_error(&error);
    g_assert_null(sinter_xml_snapshot_new("<domainsnapshot/>", WHAT, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/snapshot-xml/external", test_external);
    g_test_add_func("/snapshot-xml/internal", test_internal);
    g_test_add_func("/snapshot-xml/memory", test_memory);
    g_test_add_func("/snapshot-xml/replace", test_replace);
    g_test_add_func("/snapshot-xml/replace-by-block", test_replace_by_block);
    g_test_add_func("/snapshot-xml/replace-inactive", test_replace_inactive);
    g_test_add_func("/snapshot-xml/replace-refused", test_replace_refused);
    return g_test_run();
}
