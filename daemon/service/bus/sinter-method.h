/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-options.h"

G_BEGIN_DECLS

#define SINTER_ACTION_INSPECT "org.sinter.inspect"
#define SINTER_ACTION_CHECK "org.sinter.check"
#define SINTER_ACTION_CHECK_FILE "org.sinter.check-file"
#define SINTER_ACTION_REPAIR "org.sinter.repair"
#define SINTER_ACTION_RESOLVE "org.sinter.resolve"
#define SINTER_ACTION_ADOPT "org.sinter.adopt"
#define SINTER_ACTION_SNAPSHOT "org.sinter.snapshot"
#define SINTER_ACTION_CONSOLIDATE "org.sinter.consolidate"
#define SINTER_ACTION_CONFIGURE "org.sinter.configure"

/* The callers and options that a method allows. */
typedef struct {
    const char *interface; /* "org.sinter.Sinter1.Manager" */
    const char *method;
    const char *action;        /* the polkit action */
    gboolean owner_may;        /* the user that created the object needs no polkit authorization */
    SinterOptionFlags options; /* the allowed keys of its dictionary */
} SinterMethod;

/* (transfer none) (nullable): %NULL if nobody may call the method */
const SinterMethod *sinter_method_lookup(const char *interface, const char *method);

/* (transfer none) (array length=ret_n): every row, for tests and documentation */
const SinterMethod *sinter_method_table(gsize *ret_n);

G_END_DECLS
