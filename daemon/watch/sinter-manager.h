/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_manager_recognize:
 * @name: the domain's name
 * @namespaces: (nullable): the XML namespaces of the elements in its <metadata>
 * @patterns: (nullable): shell patterns of the names of managed domains, from the configuration
 *
 * Recognizes a domain that another program manages: oVirt, OpenStack, OpenNebula, CloudStack or
 * KubeVirt, or one that the administrator described. Such a program keeps its own records of the
 * images, which a change of the chain makes wrong. Pure; any thread.
 *
 * Returns: (transfer full) (nullable): the manager and how it was recognized, as words:
 * "OpenStack (by its metadata)"
 */
char *sinter_manager_recognize(const char *name, const char *const *namespaces,
                               const char *const *patterns);

G_END_DECLS
