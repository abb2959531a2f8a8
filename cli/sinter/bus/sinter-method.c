/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A method call as a value. A copy owns its path and its variants. */

#include "sinter-method.h"

void
sinter_method_init_copy(SinterMethod *self, const SinterMethod *other)
{
    *self = *other;
    self->path = g_strdup(other->path);
    self->arguments = other->arguments ? g_variant_ref_sink(other->arguments) : NULL;
    self->options = other->options ? g_variant_ref_sink(other->options) : NULL;
}

void
sinter_method_clear(SinterMethod *self)
{
    g_free((gpointer)self->path);
    g_clear_pointer(&self->arguments, g_variant_unref);
    g_clear_pointer(&self->options, g_variant_unref);
}
