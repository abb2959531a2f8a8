/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a backing file name that is no plain path refers to. */
typedef enum {
    SINTER_LONG_NAME_PATH,    /* a file or device of this host, by its absolute path */
    SINTER_LONG_NAME_NETWORK, /* an image on a server: it uses no file of this host */
    SINTER_LONG_NAME_UNKNOWN,
} SinterLongName;

/**
 * sinter_long_name_parse:
 * @name: a name in QEMU's long forms: "PROTOCOL:…" or "json:{…}". From an image, not trusted
 * @ret_path: (out): the path, if the result is PATH; else %NULL
 *
 * Any thread.
 */
SinterLongName sinter_long_name_parse(const char *name, char **ret_path);

G_END_DECLS
