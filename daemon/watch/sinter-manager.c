/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Domains that belong to a management program. Invariant: the metadata decides before the name, and
 * the configured patterns are tried last, so that the text names the manager if it is known.
 *
 * Sources of namespaces and names: the libvirt drivers of oVirt (VDSM), OpenStack Nova, OpenNebula,
 * Apache CloudStack and KubeVirt.
 */

#include "sinter-manager.h"

typedef struct {
    const char *words;
    const char *namespace; /* (nullable): how the namespaces begin */
    const char *names;     /* (nullable): a regular expression */
} Manager;

static const Manager managers[] = {
    { "oVirt", "http://ovirt.org/vm/", NULL },
    { "OpenStack", "http://openstack.org/xmlns/libvirt/nova/", "^instance-[0-9a-f]{8}$" },
    { "OpenNebula", "http://opennebula.org/xmlns/libvirt/", "^one-[0-9]+$" },
    { "CloudStack", NULL, "^(i-[0-9]+-[0-9]+|[rsv]-[0-9]+)-[A-Za-z0-9]+$" },
    { "KubeVirt", "http://kubevirt.io", NULL },
};

static const char *
find_by_namespaces(const char *const *namespaces)
{
    for (; namespaces && *namespaces; namespaces++) {
        for (gsize i = 0; i < G_N_ELEMENTS(managers); i++) {
            if (managers[i].namespace && g_str_has_prefix(*namespaces, managers[i].namespace))
                return managers[i].words;
        }
    }
    return NULL;
}

static const char *
find_by_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(managers); i++) {
        if (managers[i].names && g_regex_match_simple(managers[i].names, name, 0, 0))
            return managers[i].words;
    }
    return NULL;
}

char *
sinter_manager_recognize(const char *name, const char *const *namespaces,
                         const char *const *patterns)
{
    const char *words = find_by_namespaces(namespaces);

    if (words)
        return g_strdup_printf("%s (by its metadata)", words);
    words = find_by_name(name);
    if (words)
        return g_strdup_printf("%s (by its name)", words);
    for (; patterns && *patterns; patterns++) {
        if (g_pattern_match_simple(*patterns, name))
            return g_strdup_printf("another program (names that match '%s')", *patterns);
    }
    return NULL;
}
