/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Examinations that answer, that do not, and that answer too late. */

#include "sinter-examiner.h"

static struct {
    GMutex lock;
    GCond cond;
    gboolean stuck;
    guint n_begun;
    guint n_ended;
} storage;

static SinterSymptoms *
examine(const SinterExamination *examination)
{
    SinterSymptoms *symptoms = sinter_symptoms_new();

    g_mutex_lock(&storage.lock);
    symptoms->text = g_strdup_printf("%u", ++storage.n_begun);
    while (storage.stuck)
        g_cond_wait(&storage.cond, &storage.lock);
    storage.n_ended++;
    g_cond_broadcast(&storage.cond);
    g_mutex_unlock(&storage.lock);
    return symptoms;
}

static void
set_stuck(gboolean stuck)
{
    g_mutex_lock(&storage.lock);
    storage.stuck = stuck;
    g_cond_broadcast(&storage.cond);
    g_mutex_unlock(&storage.lock);
}

static void
await_ended(guint n)
{
    g_mutex_lock(&storage.lock);
    while (storage.n_ended < n)
        g_cond_wait(&storage.cond, &storage.lock);
    g_mutex_unlock(&storage.lock);
}

static void
test_silence(void)
{
    g_autoptr(SinterDomain) domain = sinter_domain_new();
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_IO_ERROR);
    g_autofree char *uri = g_strdup("test:///default");
    const SinterExamination examination = { event, domain, NULL, uri };
    SinterExaminer *examiner = sinter_examiner_new(examine);
    g_autoptr(SinterSymptoms) answer =
        sinter_examiner_ask(examiner, &examination, G_USEC_PER_SEC * 60);
    g_autoptr(SinterSymptoms) silence = NULL;
    g_autoptr(SinterSymptoms) again = NULL;
    g_autoptr(SinterSymptoms) late = NULL;

    g_assert_false(answer->silent);
    g_assert_cmpstr(answer->text, ==, "1");
    set_stuck(TRUE);
    silence = sinter_examiner_ask(examiner, &examination, 1000);
    again = sinter_examiner_ask(examiner, &examination, 1000);
    g_assert_true(silence->silent && again->silent);
    set_stuck(FALSE);
    late = sinter_examiner_ask(examiner, &examination, G_USEC_PER_SEC * 60);
    g_assert_false(late->silent);
    g_assert_cmpstr(late->text, ==, "3"); /* 2 was about the past */
    sinter_examiner_free(examiner);
}

/* The thread uses what it was given after the examiner is gone. */
static void
test_outlives(void)
{
    g_autoptr(SinterDomain) domain = sinter_domain_new();
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_IO_ERROR);
    g_autofree char *uri = g_strdup("test:///default");
    const SinterExamination examination = { event, domain, NULL, uri };
    SinterExaminer *examiner = sinter_examiner_new(examine);
    guint n = storage.n_ended;

    set_stuck(TRUE);
    sinter_symptoms_free(sinter_examiner_ask(examiner, &examination, 1000));
    sinter_examiner_free(examiner);
    set_stuck(FALSE);
    await_ended(n + 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/examiner/silence", test_silence);
    g_test_add_func("/examiner/outlives", test_outlives);
    return g_test_run();
}
