/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shared readings: who waits for whose, and which are too old. */

#include "sinter-scan-share.h"

#include "sinter-error.h"

/* A domain that is read as soon as it is released. */
typedef struct {
    SinterScanShare *share;
    GMutex lock;
    GCond cond;
    gboolean held;
    gboolean fails;
    guint n_begun;
} Subject;

static void
subject_init(Subject *subject)
{
    *subject = (Subject){ .share = sinter_scan_share_new() };
    g_mutex_init(&subject->lock);
    g_cond_init(&subject->cond);
}

static void
subject_clear(Subject *subject)
{
    sinter_scan_share_free(subject->share);
    g_mutex_clear(&subject->lock);
    g_cond_clear(&subject->cond);
}

static SinterDomain *
read_subject(gpointer data, GError **error)
{
    Subject *subject = data;
    SinterDomain *domain = NULL;
    guint number;

    g_mutex_lock(&subject->lock);
    number = ++subject->n_begun;
    g_cond_broadcast(&subject->cond);
    while (subject->held)
        g_cond_wait(&subject->cond, &subject->lock);
    if (subject->fails) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "gone");
    } else {
        domain = sinter_domain_new();
        domain->reason = (int)number;
    }
    g_mutex_unlock(&subject->lock);
    return domain;
}

/* The number of the reading that a caller gets. */
static int
read_since(Subject *subject, gint64 since_usec)
{
    g_autoptr(SinterDomain) domain =
        sinter_scan_share_read(subject->share, "web", since_usec, read_subject, subject, NULL);

    return domain ? domain->reason : 0;
}

static gpointer
read_since_start(gpointer data)
{
    return GINT_TO_POINTER(read_since(data, 0));
}

/* Begins a reading in a thread, and holds it. */
static GThread *
begin_held(Subject *subject)
{
    GThread *thread;

    subject->held = TRUE;
    thread = g_thread_new("reader", read_since_start, subject);
    g_mutex_lock(&subject->lock);
    while (subject->n_begun == 0)
        g_cond_wait(&subject->cond, &subject->lock);
    g_mutex_unlock(&subject->lock);
    return thread;
}

static void
release(Subject *subject)
{
    g_mutex_lock(&subject->lock);
    subject->held = FALSE;
    g_cond_broadcast(&subject->cond);
    g_mutex_unlock(&subject->lock);
}

static gint64
after_now(void)
{
    gint64 now_usec = g_get_monotonic_time();

    while (g_get_monotonic_time() == now_usec)
        ;
    return g_get_monotonic_time();
}

static void
test_running_is_shared(void)
{
    Subject subject;
    gint64 since_usec = after_now();
    GThread *first;
    GThread *second;

    subject_init(&subject);
    first = begin_held(&subject);
    second = g_thread_new("reader", read_since_start, &subject);
    release(&subject);
    g_assert_cmpint(read_since(&subject, since_usec), ==, 1);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(first)), ==, 1);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(second)), ==, 1);
    g_assert_cmpuint(subject.n_begun, ==, 1);
    subject_clear(&subject);
}

/* A reading that began before the change is not the answer, even if it has not ended. */
static void
test_older_is_not_used(void)
{
    Subject subject;
    GThread *first;

    subject_init(&subject);
    first = begin_held(&subject);
    release(&subject);
    g_assert_cmpint(read_since(&subject, after_now()), ==, 2);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(first)), ==, 1);
    /* the one that has just ended will do for who asks about an earlier moment */
    g_assert_cmpint(read_since(&subject, 0), ==, 2);
    subject_clear(&subject);
}

static void
test_change_ends_sharing(void)
{
    Subject subject;
    gint64 changed_usec;

    subject_init(&subject);
    g_assert_cmpint(read_since(&subject, 0), ==, 1);
    changed_usec = after_now();
    sinter_scan_share_note_change(subject.share, "other", changed_usec);
    g_assert_cmpint(read_since(&subject, 0), ==, 1);
    sinter_scan_share_note_change(subject.share, "web", changed_usec);
    sinter_scan_share_note_change(subject.share, "web", 1); /* late news of an earlier change */
    g_assert_cmpint(sinter_scan_share_last_change(subject.share, "web"), ==, changed_usec);
    after_now();
    g_assert_cmpint(read_since(&subject, 0), ==, 2);
    g_assert_cmpint(read_since(&subject, 0), ==, 2);
    subject_clear(&subject);
}

/* Without a known change, only a reading that begins now is new enough. */
static void
test_unknown_change_is_now(void)
{
    Subject subject;
    gint64 before_usec = g_get_monotonic_time();

    subject_init(&subject);
    g_assert_cmpint(sinter_scan_share_last_change(subject.share, "web"), >=, before_usec);
    read_since(&subject, 0);
    g_assert_cmpint(sinter_scan_share_last_change(subject.share, "web"), >=, before_usec);
    subject_clear(&subject);
}

static void
test_error_is_not_kept(void)
{
    Subject subject;
    g_autoptr(GError) error = NULL;

    subject_init(&subject);
    subject.fails = TRUE;
    g_assert_null(sinter_scan_share_read(subject.share, "web", 0, read_subject, &subject, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    subject.fails = FALSE;
    g_assert_cmpint(read_since(&subject, 0), ==, 2);
    subject_clear(&subject);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scan-share/running-is-shared", test_running_is_shared);
    g_test_add_func("/scan-share/older-is-not-used", test_older_is_not_used);
    g_test_add_func("/scan-share/change-ends-sharing", test_change_ends_sharing);
    g_test_add_func("/scan-share/unknown-change-is-now", test_unknown_change_is_now);
    g_test_add_func("/scan-share/error-is-not-kept", test_error_is_not_kept);
    return g_test_run();
}
