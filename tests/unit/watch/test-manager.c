/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which domains belong to a management program. */

#include "sinter-manager.h"

typedef struct {
    const char *name;
    const char *namespace;
    const char *expected; /* NULL: nobody's */
} Case;

static const Case cases[] = {
    { "web", NULL, NULL },
    { "web", "urn:sinter:policy:1", NULL },
    { "web", "http://ovirt.org/vm/1.0", "oVirt (by its metadata)" },
    { "web", "http://ovirt.org/vm/tune/1.0", "oVirt (by its metadata)" },
    { "web", "http://openstack.org/xmlns/libvirt/nova/1.1", "OpenStack (by its metadata)" },
    { "one-7", "http://openstack.org/xmlns/libvirt/nova/1.1", "OpenStack (by its metadata)" },
    { "web", "http://opennebula.org/xmlns/libvirt/1.0", "OpenNebula (by its metadata)" },
    { "default_web", "http://kubevirt.io", "KubeVirt (by its metadata)" },
    { "instance-0000002a", NULL, "OpenStack (by its name)" },
    { "instance-of-mine", NULL, NULL },
    { "one-42", NULL, "OpenNebula (by its name)" },
    { "one-more", NULL, NULL },
    { "i-2-34-VM", NULL, "CloudStack (by its name)" },
    { "r-4-VM", NULL, "CloudStack (by its name)" },
    { "v-4", NULL, NULL },
    { "prod-web", NULL, "another program (names that match 'prod-*')" },
    { "vm-07", NULL, "another program (names that match 'vm-?\?')" },
    { "vm-007", NULL, NULL },
};

static void
test_recognize(void)
{
    const char *const patterns[] = { "prod-*", "vm-?\?", NULL };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const namespaces[] = { "http://example.org/1", cases[i].namespace, NULL };
        g_autofree char *found = sinter_manager_recognize(cases[i].name, namespaces, patterns);

        g_assert_cmpstr(found, ==, cases[i].expected);
    }
    g_assert_null(sinter_manager_recognize("prod-web", NULL, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/manager/recognize", test_recognize);
    return g_test_run();
}
