/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A method call: the object, the arguments, and the type of the reply. */
typedef struct {
    const char *path;
    const char *interface; /* static, like the next two */
    const char *method;
    const char *reply_type; /* "(o)" */
    GVariant *arguments;    /* (nullable): a tuple of all arguments except the options */
    GVariant *options;      /* (nullable): an a{sv} */
} SinterMethod;

/* Makes @self a copy of @other that owns its values; floating variants are consumed. */
void sinter_method_init_copy(SinterMethod *self, const SinterMethod *other);
void sinter_method_clear(SinterMethod *self);

G_END_DECLS
