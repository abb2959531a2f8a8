/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-option.h"

G_BEGIN_DECLS

/*
 * Lists as in `-o a=b,c=d`. A doubled comma is a comma of a value; `a` alone is `a=on`, `noa` is
 * `a=off`.
 */

/* Returns: FALSE to stop. */
typedef gboolean (*SinterImgKeyvalFunc)(const char *key, const char *value, gpointer user_data);

/* Calls @func for each pair in turn. FALSE where that said stop. */
gboolean sinter_img_keyval_each(const char *list, SinterImgKeyvalFunc func, gpointer user_data);

typedef enum {
    SINTER_IMG_TEXT,   /* const char * (allocated) */
    SINTER_IMG_SWITCH, /* gboolean, from "on" or "off" */
    SINTER_IMG_NUMBER, /* guint64 */
    SINTER_IMG_SIZE,   /* guint64, see img-size.h */
} SinterImgKeyKind;

/* A creation option that an output format has. One without a place is taken and left alone. */
typedef struct {
    const char *key;
    SinterImgKeyKind kind;
    gssize offset; /* of a struct; -1: no place */
} SinterImgKey;

#define SINTER_IMG_NO_PLACE ((gssize)-1)

/*
 * Adds the list of one more -o to @all, which begins as NULL. FALSE after a message where it is
 * no list at all.
 */
gboolean sinter_img_option_list_add(char **all, const char *list);

/* For SinterOption.take: likewise, into a char * that is to be freed. */
gboolean sinter_img_option_list_take(const SinterOption *option, gpointer options,
                                     const char *value);

/* Whether the list asks for help: `help` or `?` in place of a pair. */
gboolean sinter_img_option_list_has_help(const char *list);

/*
 * What @value is worth: 0 or 1 of a switch, the number or size, 0 of a text. Says what is wrong
 * with it, after the name @about where that is not NULL.
 */
gboolean sinter_img_value_parse(SinterImgKeyKind kind, const char *key, const char *value,
                                const char *about, guint64 *ret);

/* Says that there is no @key, likewise. Returns: FALSE. */
gboolean sinter_img_key_refuse(const char *key, const char *about);

/* Fills @values by @list; says what is wrong. Texts are to be freed. */
gboolean sinter_img_option_list_parse(const char *list, const SinterImgKey *keys, gsize n_keys,
                                      gpointer values);

G_END_DECLS
