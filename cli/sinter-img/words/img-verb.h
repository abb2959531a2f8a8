/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A verb is a table of options and a function. Options and operands mix, long options may be
 * shortened, and what is wrong is said in the words of qemu-img.
 */

/*
 * An option. One that takes a value leaves it, as a const char *, at @offset of the verb's
 * options; one that takes none leaves TRUE there. With @parse the value goes there instead, in
 * the order of the command line; with @act likewise, and with it @action, so that options that are
 * the sorts of one thing share a function. FALSE, after a message, ends the program with status 1.
 */
typedef struct {
    const char *name;  /* long; NULL: it has none */
    char letter;       /* short; 0: it has none */
    const char *value; /* what the value is called in the help; NULL: it takes none */
    const char *help;  /* NULL: goes without saying, in the help as well */
    gsize offset;
    gboolean (*parse)(gpointer options, const char *value);
    gboolean (*act)(gpointer options, int action, const char *value);
    int action;
} SinterImgOption;

typedef struct {
    const char *name;
    const char *operands; /* for the help */
    const char *summary;  /* one line, without a dot */
    const SinterImgOption *options;
    gsize n_options;
    gsize options_size;  /* of the struct that they fill, which is all zero before */
    const char *details; /* (nullable): more for the help */
    /* the last word is no option, whatever it begins with; there is one before it */
    gboolean last_is_operand;
    int (*run)(gpointer options, char **operands, int n_operands);
    void (*clear)(gpointer options); /* (nullable): frees what the options hold */
} SinterImgVerb;

extern const SinterImgVerb sinter_img_amend;
extern const SinterImgVerb sinter_img_bench;
extern const SinterImgVerb sinter_img_bitmap;
extern const SinterImgVerb sinter_img_check;
extern const SinterImgVerb sinter_img_commit;
extern const SinterImgVerb sinter_img_compare;
extern const SinterImgVerb sinter_img_convert;
extern const SinterImgVerb sinter_img_create;
extern const SinterImgVerb sinter_img_dd;
extern const SinterImgVerb sinter_img_dump;
extern const SinterImgVerb sinter_img_info;
extern const SinterImgVerb sinter_img_locks;
extern const SinterImgVerb sinter_img_map;
extern const SinterImgVerb sinter_img_measure;
extern const SinterImgVerb sinter_img_merge;
extern const SinterImgVerb sinter_img_rebase;
extern const SinterImgVerb sinter_img_remove;
extern const SinterImgVerb sinter_img_resize;
extern const SinterImgVerb sinter_img_snapshot;

/* All verbs, ended by NULL. */
extern const SinterImgVerb *const sinter_img_verbs[];

/*
 * Runs @verb with the command line from its name on. Returns: the exit status.
 */
int sinter_img_verb_run(const SinterImgVerb *verb, int argc, char **argv);

/* For options of that kind: a member of the verb's options. */
#define SINTER_IMG_MEMBER(type, member) G_STRUCT_OFFSET(type, member)

/* The end of an option that is one of several actions. */
#define SINTER_IMG_ACTION(func, which) .act = (func), .action = (which)

G_END_DECLS
