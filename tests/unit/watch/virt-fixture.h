/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-inventory.h"

/*
 * libvirt's test driver, in this process, with a host of our own; and waiting on the main context
 * for things to happen.
 */

/* Call first in main(): events, and a log writer that counts. */
void fixture_init(void);

/* How many warnings were logged since the last call, and the last one's text (valid until the
 * next). */
guint fixture_take_warnings(const char **ret_last);

/* (transfer full): the XML of a domain with one qcow2 disk "vda" at @path (nullable: no disk) */
char *fixture_domain_xml(const char *name, const char *path);

/* (transfer full): writes FOLDER/node.xml with @content in its <node>; gives its test:// URI */
char *fixture_node(const char *folder, const char *content);

/* Iterates the main context until @condition holds; fails the test after 20 seconds. */
#define fixture_wait_until(condition)                                                              \
    G_STMT_START                                                                                   \
    {                                                                                              \
        guint fixture_guard = fixture_begin_wait(G_STRLOC, #condition);                            \
        while (!(condition))                                                                       \
            g_main_context_iteration(NULL, TRUE);                                                  \
        g_source_remove(fixture_guard);                                                            \
    }                                                                                              \
    G_STMT_END

/* (transfer full): an inventory without settings and rescans */
SinterInventory *fixture_inventory(SinterConnection *connection);

/* Gives @object back and waits until nobody, a worker included, holds it any more. */
void fixture_unref_and_wait(gpointer object);

guint fixture_begin_wait(const char *where, const char *condition);
