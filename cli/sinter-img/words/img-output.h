/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-option.h"

G_BEGIN_DECLS

/* The option row for a command whose options have a const char * @member. */
#define SINTER_IMG_OUTPUT_OPTION(type, member)                                                     \
    {                                                                                              \
        "output", 0, "OFMT", "human or json", SINTER_OPTION_MEMBER(type, member)                   \
    }

/* Parses the value of --output (NULL: not given). Prints a message on failure. */
gboolean sinter_img_output_parse(const char *value, gboolean *ret_json);

G_END_DECLS
