/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines over the worker's socket, however they are cut, and peers that do not keep to it. */

#include "sinter-file.h"
#include "sinter-worker-channel.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    SinterFd peer;
    SinterWorkerChannel *channel;
} Pair;

static void
pair_set_up(Pair *pair, gconstpointer data)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    pair->channel = sinter_worker_channel_new(fds[0]);
    pair->peer = fds[1];
}

static void
pair_tear_down(Pair *pair, gconstpointer data)
{
    sinter_worker_channel_free(pair->channel);
    sinter_fd_clear(&pair->peer);
}

static void
write_all(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, (gssize)strlen(text));
}

static SinterWorkerMessage *
receive(Pair *pair)
{
    g_autoptr(GError) error = NULL;
    SinterWorkerMessage *message = NULL;

    g_assert_true(sinter_worker_channel_receive(pair->channel, &message, &error));
    g_assert_no_error(error);
    return message;
}

static void
assert_receives(Pair *pair, SinterWorkerMessageKind kind)
{
    g_autoptr(SinterWorkerMessage) message = receive(pair);

    g_assert_nonnull(message);
    g_assert_cmpint(message->kind, ==, kind);
}

static void
test_several_at_once(Pair *pair, gconstpointer data)
{
    write_all(pair->peer, "{\"kind\":\"cancel\"}\n{\"kind\":\"done\"}\n{\"kind\":");
    assert_receives(pair, SINTER_WORKER_CANCEL);
    assert_receives(pair, SINTER_WORKER_DONE);
    write_all(pair->peer, "\"cancel\"}\n");
    assert_receives(pair, SINTER_WORKER_CANCEL);
    sinter_fd_clear(&pair->peer);
    g_assert_null(receive(pair));
    g_assert_null(receive(pair));
}

/* A peer that died in the midst of a line has not said it. */
static void
test_cut_line(Pair *pair, gconstpointer data)
{
    write_all(pair->peer, "{\"kind\":\"done\"}");
    sinter_fd_clear(&pair->peer);
    g_assert_null(receive(pair));
}

static void
test_no_message(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    SinterWorkerMessage *message = NULL;

    write_all(pair->peer, "done\n");
    g_assert_false(sinter_worker_channel_receive(pair->channel, &message, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_null(message);
}

/* Writes until nobody listens any more. */
static gpointer
flood_thread(gpointer data)
{
    g_autofree char *noise = g_malloc(65536);
    int fd = GPOINTER_TO_INT(data);

    memset(noise, 'x', 65536);
    while (send(fd, noise, 65536, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

static void
test_endless_line(Pair *pair, gconstpointer data)
{
    GThread *flood = g_thread_new("flood", flood_thread, GINT_TO_POINTER(pair->peer));
    g_autoptr(GError) error = NULL;
    SinterWorkerMessage *message = NULL;

    g_assert_false(sinter_worker_channel_receive(pair->channel, &message, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    shutdown(pair->peer, SHUT_RDWR);
    g_thread_join(flood);
}

/* Nobody there: an error, and no signal. */
static void
test_send_to_nobody(Pair *pair, gconstpointer data)
{
    const SinterWorkerMessage message = { .kind = SINTER_WORKER_CANCEL };
    g_autoptr(GError) error = NULL;

    sinter_fd_clear(&pair->peer);
    g_assert_false(sinter_worker_channel_send(pair->channel, &message, &error));
    g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func)                                                                           \
    g_test_add("/worker-channel/" name, Pair, NULL, pair_set_up, func, pair_tear_down)
    CASE("several-at-once", test_several_at_once);
    CASE("cut-line", test_cut_line);
    CASE("no-message", test_no_message);
    CASE("endless-line", test_endless_line);
    CASE("send-to-nobody", test_send_to_nobody);
#undef CASE
    return g_test_run();
}
