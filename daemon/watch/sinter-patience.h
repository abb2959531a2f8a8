/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterPatience:
 *
 * Asks questions that may never be answered, because a file system, a domain or a storage pool does
 * not respond. Each question runs in a thread of its own, and the caller waits for a limited time.
 * While a question is unanswered, no further question with the same key is asked. Any thread.
 */
typedef struct _SinterPatience SinterPatience;

/* The limits of a SinterPatience. */
typedef struct {
    guint limit_msec; /* how long a caller waits */
    guint max_open;   /* the number of unanswered questions from which on none is asked */
} SinterPatienceLimits;

/* A question. */
typedef struct {
    void (*func)(gpointer data); /* asks, and stores the answer in @data; runs in a thread */
    gpointer data;
    GDestroyNotify free_data; /* called in any thread */
    const gint *progress;     /* (nullable): in @data; a caller waits longer if @func changes it */
} SinterQuestion;

/* A key whose questions were unanswered responds again. Called in any thread. */
typedef void (*SinterRespondsFunc)(gpointer user_data);

SinterPatience *sinter_patience_new(const SinterPatienceLimits *limits);
SinterPatience *sinter_patience_ref(SinterPatience *self);
void sinter_patience_unref(SinterPatience *self);

/* Sets the function to call, or %NULL: it is then not running any more. */
void sinter_patience_set_func(SinterPatience *self, SinterRespondsFunc func, gpointer user_data);

/**
 * sinter_patience_ask:
 * @key: what is asked, the same for all questions that one cause would leave unanswered
 * @question: its data is (transfer full)
 * @ret_since_usec: (out): real time since which @key does not respond, if it does not; 0 if it was
 *   not asked because too many questions are unanswered
 *
 * Returns: %TRUE if the question was answered: then the data belongs to the caller again. %FALSE if
 * it was not answered in time, or not asked: then the data must not be used any more.
 */
gboolean sinter_patience_ask(SinterPatience *self, const char *key, const SinterQuestion *question,
                             gint64 *ret_since_usec);

G_END_DECLS
