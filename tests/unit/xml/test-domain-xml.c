/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The shapes in which libvirt writes disks and chains. */

#include "sinter-domain-xml.h"
#include "sinter-error.h"

static const char running_xml[] =
    "<domain type='kvm' id='3'>"
    "  <name>web</name><uuid>6b2ab1a6-2b1a-4a0c-9c0e-5e0a3a1d9b11</uuid>"
    "  <metadata><p:policy xmlns:p='urn:sinter:policy:1' keep='2'/></metadata>"
    "  <devices>"
    "    <emulator>/usr/bin/qemu-system-x86_64</emulator>"
    "    <disk type='file' device='disk'>"
    "      <driver name='qemu' type='qcow2' cache='none' discard='unmap' error_policy='report'/>"
    "      <source file='/images/web.s2' index='4'/>"
    "      <backingStore type='file' index='3'>"
    "        <format type='qcow2'/>"
    "        <source file='/images/web.s1'/>"
    "        <backingStore type='block' index='1'>"
    "          <format type='raw'/>"
    "          <source dev='/dev/vg/base'><seclabel model='dac' relabel='no'/></source>"
    "          <backingStore/>"
    "        </backingStore>"
    "      </backingStore>"
    "      <target dev='vda' bus='virtio'/>"
    "      <serial>WD-1</serial><alias name='virtio-disk0'/>"
    "    </disk>"
    "    <disk type='file' device='cdrom'>"
    "      <driver name='qemu'/>"
    "      <target dev='sda' bus='sata' tray='open'/><readonly/>"
    "    </disk>"
    "    <disk type='file' device='cdrom'>"
    "      <driver name='qemu' type='raw'/><source file='/iso/a.iso' index='2'/><backingStore/>"
    "      <target dev='sdb' bus='sata'/><readonly/>"
    "    </disk>"
    "    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>"
    "    <channel type='unix'>"
    "      <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>"
    "    </channel>"
    "  </devices>"
    "</domain>";

static const char stopped_xml[] =
    "<domain type='kvm'><name>web</name><devices>"
    "  <disk type='file'>"
    "    <driver name='qemu' type='qcow2'/><source file='/images/a &amp; b.qcow2'/>"
    "    <target dev='vda'/><shareable/><transient/>"
    "  </disk>"
    "  <disk type='network' device='disk'>"
    "    <driver name='qemu' type='raw'/>"
    "    <auth username='libvirt'><secret type='ceph' uuid='8b5d1b0a-0000-0000-0000-1'/></auth>"
    "    <source protocol='rbd' name='pool/image'><host name='mon1' port='6789'/>"
    "      <snapshot name='snap'/></source>"
    "    <target dev='vdb'/>"
    "  </disk>"
    "  <disk type='network' device='disk'>"
    "    <driver name='qemu' type='qcow2'/>"
    "    <source protocol='nbd' name='export'><host name='host' port='10809'/></source>"
    "    <target dev='vdc'/>"
    "  </disk>"
    "  <disk type='network' device='disk'>"
    "    <driver name='qemu' type='raw'/>"
    "    <source protocol='nbd'><host transport='unix' socket='/run/nbd'/></source>"
    "    <target dev='vdd'/>"
    "  </disk>"
    "  <disk type='volume' device='disk'>"
    "    <driver name='qemu' type='qcow2'/><source pool='default' volume='v.qcow2'/>"
    "    <target dev='vde'/>"
    "  </disk>"
    "  <disk type='nvme' device='disk'>"
    "    <driver name='qemu' type='raw'/><source type='pci' managed='yes' namespace='1'>"
    "    <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>"
    "    <target dev='vdf'/>"
    "  </disk>"
    "  <disk type='block' device='lun'>"
    "    <source dev='/dev/sdx'/><target dev='sdc'/>"
    "  </disk>"
    "  <disk type='file'><source file=''/><target dev='vdg'/></disk>"
    "  <disk type='file'><source file='/no/target'/></disk>"
    "</devices></domain>";

static SinterXmlDomain *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    SinterXmlDomain *domain = sinter_xml_domain_new(text, "domain 'web'", &error);

    g_assert_no_error(error);
    return domain;
}

static const SinterXmlDisk *
disk_of(const SinterXmlDomain *domain, const char *target)
{
    const SinterXmlDisk *disk = sinter_xml_domain_find_disk(domain, target);

    g_assert_nonnull(disk);
    return disk;
}

static void
assert_source(const GPtrArray *sources, guint depth, SinterXmlSourceType type,
              const char *description, const char *format, guint index)
{
    const SinterXmlSource *source;

    g_assert_cmpuint(depth, <, sources->len);
    source = g_ptr_array_index(sources, depth);
    g_assert_cmpint(source->type, ==, type);
    g_assert_cmpstr(source->description, ==, description);
    g_assert_cmpstr(source->format, ==, format);
    g_assert_cmpuint(source->index, ==, index);
    if (type == SINTER_XML_SOURCE_FILE || type == SINTER_XML_SOURCE_BLOCK)
        g_assert_cmpstr(source->path, ==, description);
    else
        g_assert_null(source->path);
}

static void
test_running(void)
{
    g_autoptr(SinterXmlDomain) domain = parse(running_xml);
    const SinterXmlDisk *disk = disk_of(domain, "vda");

    g_assert_cmpstr(domain->name, ==, "web");
    g_assert_cmpuint(domain->disks->len, ==, 3);
    g_assert_cmpuint(disk->sources->len, ==, 3);
    assert_source(disk->sources, 0, SINTER_XML_SOURCE_FILE, "/images/web.s2", "qcow2", 4);
    assert_source(disk->sources, 1, SINTER_XML_SOURCE_FILE, "/images/web.s1", "qcow2", 3);
    assert_source(disk->sources, 2, SINTER_XML_SOURCE_BLOCK, "/dev/vg/base", "raw", 1);
    g_assert_true(disk->chain_is_whole);
    g_assert_cmpint(disk->mirror, ==, SINTER_XML_MIRROR_NONE);
    g_assert_cmpuint(disk->mirror_sources->len, ==, 0);
    g_assert_cmpstr(disk->device, ==, "disk");
    g_assert_cmpstr(disk->alias, ==, "virtio-disk0");
    g_assert_cmpstr(disk->serial, ==, "WD-1");
    g_assert_cmpstr(disk->error_policy, ==, "report");
    g_assert_true(domain->has_agent_channel && domain->agent_connected);
    g_assert_false(disk->read_only || disk->shareable || disk->transient);

    disk = disk_of(domain, "sda");
    g_assert_cmpuint(disk->sources->len, ==, 0);
    g_assert_cmpstr(disk->device, ==, "cdrom");
    g_assert_null(disk->alias);
    g_assert_null(disk->serial);
    g_assert_true(disk->read_only);
    disk = disk_of(domain, "sdb");
    g_assert_cmpuint(disk->sources->len, ==, 1);
    g_assert_true(disk->chain_is_whole);
    g_assert_null(sinter_xml_domain_find_disk(domain, "vdz"));
}

static void
test_stopped(void)
{
    g_autoptr(SinterXmlDomain) domain = parse(stopped_xml);
    const SinterXmlDisk *disk = disk_of(domain, "vda");
    const SinterXmlSource *volume;

    g_assert_cmpuint(domain->disks->len, ==, 8);
    assert_source(disk->sources, 0, SINTER_XML_SOURCE_FILE, "/images/a & b.qcow2", "qcow2", 0);
    g_assert_false(disk->chain_is_whole);
    g_assert_true(disk->shareable && disk->transient);
    g_assert_cmpstr(disk->device, ==, "disk");
    assert_source(disk_of(domain, "vdb")->sources, 0, SINTER_XML_SOURCE_NETWORK, "rbd:pool/image",
                  "raw", 0);
    assert_source(disk_of(domain, "vdc")->sources, 0, SINTER_XML_SOURCE_NETWORK,
                  "nbd://host:10809/export", "qcow2", 0);
    assert_source(disk_of(domain, "vdd")->sources, 0, SINTER_XML_SOURCE_NETWORK,
                  "nbd://unix=/run/nbd/", "raw", 0);
    assert_source(disk_of(domain, "vde")->sources, 0, SINTER_XML_SOURCE_VOLUME,
                  "volume:default/v.qcow2", "qcow2", 0);
    volume = g_ptr_array_index(disk_of(domain, "vde")->sources, 0);
    g_assert_cmpstr(volume->pool, ==, "default");
    g_assert_cmpstr(volume->volume, ==, "v.qcow2");
    assert_source(disk_of(domain, "vdf")->sources, 0, SINTER_XML_SOURCE_OTHER, "nvme", "raw", 0);
    assert_source(disk_of(domain, "sdc")->sources, 0, SINTER_XML_SOURCE_BLOCK, "/dev/sdx", NULL, 0);
    g_assert_cmpuint(disk_of(domain, "vdg")->sources->len, ==, 0);
}

/* The <mirror> of a disk, in each of its states, as libvirt 9 writes it. */
static SinterXmlDomain *
parse_mirror(const char *mirror)
{
    g_autofree char *text =
        g_strdup_printf("<domain><name>web</name><devices><disk type='file' device='disk'>"
                        "<driver name='qemu' type='qcow2'/><source file='/top' index='2'/>"
                        "<backingStore type='file' index='1'><format type='qcow2'/>"
                        "<source file='/base'/><backingStore/></backingStore>"
                        "%s<target dev='vda'/></disk></devices></domain>",
                        mirror);

    return parse(text);
}

static void
test_mirror_commit(void)
{
    g_autoptr(SinterXmlDomain) domain =
        parse_mirror("<mirror type='file' job='active-commit'><format type='qcow2'/>"
                     "<source file='/base' index='1'/><backingStore/></mirror>");
    const SinterXmlDisk *disk = disk_of(domain, "vda");

    g_assert_cmpint(disk->mirror, ==, SINTER_XML_MIRROR_COPYING);
    g_assert_true(disk->mirror_is_commit);
    g_assert_cmpuint(disk->sources->len, ==, 2);
    g_assert_cmpuint(disk->mirror_sources->len, ==, 1);
    assert_source(disk->mirror_sources, 0, SINTER_XML_SOURCE_FILE, "/base", "qcow2", 1);
    g_assert_true(disk->mirror_chain_is_whole);
}

static void
test_mirror_copy(void)
{
    g_autoptr(SinterXmlDomain) domain =
        parse_mirror("<mirror type='file' file='/copy' format='qcow2' job='copy' ready='yes'>"
                     "<format type='qcow2'/><source file='/copy' index='5'/>"
                     "<backingStore type='file' index='6'><format type='raw'/>"
                     "<source file='/other-base'/></backingStore></mirror>");
    const SinterXmlDisk *disk = disk_of(domain, "vda");

    g_assert_cmpint(disk->mirror, ==, SINTER_XML_MIRROR_READY);
    g_assert_false(disk->mirror_is_commit);
    assert_source(disk->mirror_sources, 0, SINTER_XML_SOURCE_FILE, "/copy", "qcow2", 5);
    assert_source(disk->mirror_sources, 1, SINTER_XML_SOURCE_FILE, "/other-base", "raw", 6);
    g_assert_false(disk->mirror_chain_is_whole);
}

static void
test_mirror_ends(void)
{
    g_autoptr(SinterXmlDomain) pivot =
        parse_mirror("<mirror type='file' job='active-commit' ready='pivot'>"
                     "<format type='qcow2'/><source file='/base'/></mirror>");
    g_autoptr(SinterXmlDomain) abort_ =
        parse_mirror("<mirror type='block' job='copy' ready='abort'>"
                     "<format type='raw'/><source dev='/dev/x'/></mirror>");
    /* as libvirt shows it for a moment of the pivot */
    g_autoptr(SinterXmlDomain) ending =
        parse_mirror("<mirror type='file' job=''>"
                     "<format type='qcow2'/><source file='/base'/></mirror>");

    g_assert_cmpint(disk_of(pivot, "vda")->mirror, ==, SINTER_XML_MIRROR_PIVOTING);
    g_assert_cmpint(disk_of(abort_, "vda")->mirror, ==, SINTER_XML_MIRROR_ABORTING);
    g_assert_cmpint(disk_of(ending, "vda")->mirror, ==, SINTER_XML_MIRROR_ENDING);
    assert_source(disk_of(abort_, "vda")->mirror_sources, 0, SINTER_XML_SOURCE_BLOCK, "/dev/x",
                  "raw", 0);
}

static void
test_firmware(void)
{
    g_autoptr(SinterXmlDomain) plain =
        parse("<domain><os><loader type='pflash'>/usr/share/code.fd</loader>"
              "<nvram template='/t' format='qcow2'> /var/nvram.qcow2 </nvram></os></domain>");
    g_autoptr(SinterXmlDomain) source =
        parse("<domain><os><nvram type='file'><source file='/a'/></nvram></os></domain>");
    g_autoptr(SinterXmlDomain) none = parse("<domain><os><nvram template='/t'/></os></domain>");
    const SinterXmlFirmware *firmware;

    g_assert_cmpuint(plain->firmware->len, ==, 2);
    firmware = g_ptr_array_index(plain->firmware, 0);
    g_assert_cmpstr(firmware->role, ==, "the firmware");
    g_assert_cmpstr(firmware->source->path, ==, "/usr/share/code.fd");
    g_assert_null(firmware->source->format);
    firmware = g_ptr_array_index(plain->firmware, 1);
    g_assert_cmpstr(firmware->source->path, ==, "/var/nvram.qcow2");
    g_assert_cmpstr(firmware->source->format, ==, "qcow2");
    g_assert_cmpuint(source->firmware->len, ==, 1);
    firmware = g_ptr_array_index(source->firmware, 0);
    g_assert_cmpstr(firmware->source->path, ==, "/a");
    g_assert_cmpuint(none->firmware->len, ==, 0);
}

static void
test_metadata(void)
{
    g_autoptr(SinterXmlDomain) with = parse(running_xml);
    g_autoptr(SinterXmlDomain) again = parse(running_xml);
    g_autoptr(SinterXmlDomain) without = parse(stopped_xml);
    g_autoptr(SinterXmlDomain) other =
        parse("<domain><metadata><p:policy xmlns:p='urn:sinter:policy:1' keep='3'/></metadata>"
              "</domain>");

    g_assert_cmpuint(with->metadata_digest, !=, 0);
    g_assert_cmpuint(with->metadata_digest, ==, again->metadata_digest);
    g_assert_cmpuint(with->metadata_digest, !=, other->metadata_digest);
    g_assert_cmpuint(without->metadata_digest, ==, 0);
    g_assert_cmpuint(g_strv_length(with->metadata_namespaces), ==, 1);
    g_assert_cmpstr(with->metadata_namespaces[0], ==, "urn:sinter:policy:1");
    g_assert_cmpuint(g_strv_length(without->metadata_namespaces), ==, 0);
}

/* As many layers as libvirt allows, and elements of other namespaces that look like ours. */
static void
test_deep_chain(void)
{
    g_autoptr(GString) text =
        g_string_new("<domain xmlns:o='urn:o'><devices><o:disk/><disk type='file'>"
                     "<o:source file='/wrong'/><source file='/0'/>");
    g_autoptr(SinterXmlDomain) domain = NULL;
    const SinterXmlDisk *disk;

    for (int i = 1; i < 200; i++)
        g_string_append_printf(text, "<backingStore type='file'><source file='/%d'/>", i);
    g_string_append(text, "<backingStore/>");
    for (int i = 1; i < 200; i++)
        g_string_append(text, "</backingStore>");
    g_string_append(text, "<target dev='vda'/></disk></devices></domain>");
    domain = parse(text->str);
    disk = disk_of(domain, "vda");
    g_assert_cmpuint(disk->sources->len, ==, 200);
    assert_source(disk->sources, 0, SINTER_XML_SOURCE_FILE, "/0", NULL, 0);
    assert_source(disk->sources, 199, SINTER_XML_SOURCE_FILE, "/199", NULL, 0);
    g_assert_true(disk->chain_is_whole);
}

static void
test_bare(void)
{
    g_autoptr(SinterXmlDomain) domain = parse("<domain/>");
    g_autoptr(GError) error = NULL;

    g_assert_null(domain->name);
    g_assert_cmpuint(domain->disks->len, ==, 0);
    g_assert_null(sinter_xml_domain_new("<domain", "domain 'web'", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "domain 'web'"));
}

/* (nullable): what @disk becomes, in a domain around it */
static char *
edit(const char *disk, const char *path, gboolean is_block, const char *format)
{
    g_autofree char *text = g_strdup_printf("<domain><name>web</name><devices>%s<disk type='file'>"
                                            "<source file='/b'/><target dev='vdb'/></disk>"
                                            "</devices></domain>",
                                            disk);
    SinterXmlImage image = { path, is_block, format };
    g_autoptr(GError) error = NULL;
    char *edited = NULL;

    sinter_xml_domain_replace_source(text, "domain 'web'", "vda", path ? &image : NULL, &edited,
                                     &error);
    g_assert_no_error(error);
    return edited;
}

static void
test_replace_source(void)
{
    static const struct {
        const char *disk;
        const char *path;
        gboolean is_block;
        const char *format;
        const char *expected; /* NULL: nothing to do */
    } table[] = {
        { "<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/>"
          "<source file='/top'/><target dev='vda'/></disk>",
          "/base", FALSE, "raw",
          "<disk type=\"file\" device=\"disk\"><source file=\"/base\"/>"
          "<driver name=\"qemu\" type=\"raw\" cache=\"none\"/><target dev=\"vda\"/></disk>" },
        { "<disk type='file'><driver type='qcow2'/><source file='/top'/><backingStore type='file'>"
          "<format type='qcow2'/><source file='/base'/><backingStore/></backingStore>"
          "<target dev='vda'/></disk>",
          "/top", FALSE, "qcow2",
          "<disk type=\"file\"><source file=\"/top\"/><driver type=\"qcow2\"/>"
          "<target dev=\"vda\"/></disk>" },
        { "<disk type='file'><driver type='qcow2'/><source file='/top' startupPolicy='optional'>"
          "<seclabel model='dac' relabel='no'/><encryption format='luks'/></source>"
          "<target dev='vda'/></disk>",
          "/dev/vg/base", TRUE, "raw",
          "<disk type=\"block\"><source dev=\"/dev/vg/base\">"
          "<seclabel model=\"dac\" relabel=\"no\"/></source><driver type=\"raw\"/>"
          "<target dev=\"vda\"/></disk>" },
        { "<disk type='volume'><driver type='qcow2'/><source pool='p' volume='v'/>"
          "<target dev='vda'/></disk>",
          "/base", FALSE, "qcow2",
          "<disk type=\"file\"><source file=\"/base\"/><driver type=\"qcow2\"/>"
          "<target dev=\"vda\"/></disk>" },
        { "<disk type='file'><driver type='qcow2'/><source file='/top'/><target dev='vda'/></disk>",
          "/top", FALSE, "qcow2", NULL },
        { "<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>", NULL,
          FALSE, NULL, NULL },
        { "<disk type='volume'><source pool='p' volume='v'/><backingStore type='file'>"
          "<source file='/base'/></backingStore><target dev='vda'/></disk>",
          NULL, FALSE, NULL,
          "<disk type=\"volume\"><source pool=\"p\" volume=\"v\"/><target dev=\"vda\"/></disk>" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *edited =
            edit(table[i].disk, table[i].path, table[i].is_block, table[i].format);

        if (!table[i].expected) {
            g_assert_null(edited);
            continue;
        }
        if (!strstr(edited, table[i].expected))
            g_test_message("%s", edited);
        g_assert_nonnull(strstr(edited, table[i].expected));
        g_assert_nonnull(strstr(edited, "<source file=\"/b\"/><target dev=\"vdb\"/>"));
    }
}

static void
test_replace_refused(void)
{
    static const SinterXmlImage new_image = { "/b", FALSE, "raw" };
    static const struct {
        const char *text;
        SinterError code;
    } table[] = {
        { "<domain><devices/></domain>", SINTER_ERROR_NOT_FOUND },
        { "<domain><devices>", SINTER_ERROR_CORRUPT },
        { "<domainsnapshot/>", SINTER_ERROR_CORRUPT },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;
        char *edited = NULL;

        g_assert_false(sinter_xml_domain_replace_source(table[i].text, "domain 'web'", "vda",
                                                        &new_image, &edited, &error));
        g_assert_error(error, SINTER_ERROR, (int)table[i].code);
        g_assert_nonnull(strstr(error->message, "domain 'web'"));
    }
}

#define GUARDED_DISK                                                                               \
    "<disk type='file'><driver name='qemu' type='qcow2'/><source file='/top'>%s</source>"          \
    "<target dev='vda'/></disk>"

/* (transfer full): a domain with that disk */
static char *
domain_with(const char *in_source)
{
    g_autofree char *disk = g_strdup_printf(GUARDED_DISK, in_source);

    return g_strdup_printf("<domain><name>web</name><devices>%s</devices></domain>", disk);
}

static char *
unguard(const char *text, const SinterXmlImage *image)
{
    g_autoptr(GError) error = NULL;
    char *edited = NULL;

    g_assert_true(
        sinter_xml_domain_unguard_disk(text, "domain 'web'", "vda", image, &edited, &error));
    g_assert_no_error(error);
    return edited;
}

static char *
guard(const char *text)
{
    g_autoptr(GError) error = NULL;
    char *edited = NULL;

    g_assert_true(
        sinter_xml_domain_guard_disk(text, "domain 'web'", "vda", "job 7 & <x>", &edited, &error));
    g_assert_no_error(error);
    return edited;
}

static void
test_guard(void)
{
    SinterXmlImage base = { "/base", FALSE, "raw" };
    g_autofree char *plain = domain_with("<seclabel model='dac'/>");
    g_autofree char *guarded = guard(plain);
    g_autofree char *back = NULL;
    g_autofree char *moved = NULL;
    g_autofree char *again = NULL;

    g_assert_nonnull(strstr(guarded, "<source file=\"/top\"><seclabel model=\"dac\"/>"
                                     "<encryption format=\"luks\"><secret type=\"passphrase\" "
                                     "usage=\"sinter: job 7 &amp; &lt;x&gt;\"/></encryption>"
                                     "</source>"));
    g_assert_null(guard(guarded));
    back = unguard(guarded, NULL);
    g_assert_nonnull(strstr(back, "<source file=\"/top\"><seclabel model=\"dac\"/></source>"));
    moved = unguard(guarded, &base);
    g_assert_nonnull(strstr(moved, "<source file=\"/base\"><seclabel model=\"dac\"/></source>"));
    g_assert_nonnull(strstr(moved, "type=\"raw\""));
    g_assert_null(strstr(moved, "encryption"));
    /* the guard leaves and the new image comes with one definition: nothing is left to write */
    g_assert_true(
        sinter_xml_domain_replace_source(moved, "domain 'web'", "vda", &base, &again, NULL));
    g_assert_null(again);
}

/* The encryption of a user is neither a guard nor replaced by one. */
static void
test_encryption_is_no_guard(void)
{
    static const char *const table[] = {
        "<encryption format='luks'><secret type='passphrase' uuid='1'/></encryption>",
        "<encryption format='luks'><secret type='passphrase' usage='mine'/></encryption>",
        "<encryption format='luks'/>",
    };
    SinterXmlImage base = { "/base", FALSE, "raw" };
    g_autofree char *plain = domain_with("");

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *text = domain_with(table[i]);

        g_assert_null(guard(text));
        g_assert_null(unguard(text, NULL));
        g_assert_null(unguard(text, &base));
    }
    g_assert_null(unguard(plain, &base));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/domain-xml/running", test_running);
    g_test_add_func("/domain-xml/stopped", test_stopped);
    g_test_add_func("/domain-xml/mirror-commit", test_mirror_commit);
    g_test_add_func("/domain-xml/mirror-copy", test_mirror_copy);
    g_test_add_func("/domain-xml/mirror-ends", test_mirror_ends);
    g_test_add_func("/domain-xml/firmware", test_firmware);
    g_test_add_func("/domain-xml/metadata", test_metadata);
    g_test_add_func("/domain-xml/deep-chain", test_deep_chain);
    g_test_add_func("/domain-xml/bare", test_bare);
    g_test_add_func("/domain-xml/replace-source", test_replace_source);
    g_test_add_func("/domain-xml/replace-refused", test_replace_refused);
    g_test_add_func("/domain-xml/guard", test_guard);
    g_test_add_func("/domain-xml/encryption-is-no-guard", test_encryption_is_no_guard);
    return g_test_run();
}
