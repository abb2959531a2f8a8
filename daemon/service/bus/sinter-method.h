/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-options.h"

G_BEGIN_DECLS

#define SINTER_ACTION_INSPECT "org.sinter.inspect"
#define SINTER_ACTION_CONSOLIDATE "org.sinter.consolidate"
#define SINTER_ACTION_CONFIGURE "org.sinter.configure"

/* Who may call a method, and with which options. */
typedef struct {
    const char *interface; /* "org.sinter.Sinter1.Manager" */
    const char *method;
    const char *action;        /* polkit's */
    gboolean owner_may;        /* the user who made the object needs no polkit */
    SinterOptionFlags options; /* what its dictionary may hold */
} SinterMethod;

/* (transfer none) (nullable): %NULL: nobody may call it */
const SinterMethod *sinter_method_lookup(const char *interface, const char *method);

/* (transfer none) (array length=ret_n): every row, for tests and documentation */
const SinterMethod *sinter_method_table(gsize *ret_n);

G_END_DECLS
