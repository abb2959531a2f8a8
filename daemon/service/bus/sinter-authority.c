/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Authorization of every method call. It hooks into the vtable that GDBus requests from a skeleton:
 * a guarded class returns one with our method_call, which decides first and calls the generated
 * method_call only if the call is allowed. So there is no list of handlers to keep in sync, and a
 * polkit dialog that lasts minutes occupies no thread.
 *
 *   method_call → row? → uid of the sender → owner, or own user? ─────────────────► dispatch
 *                                          └─► (wait) → polkit on the sender's name ─┘
 *
 * Invariant: a call is answered exactly once, by call_deny() or by the handler that it is
 * dispatched to; the handler sees the user that the decision was made for; the options are read
 * once, before the decision, and the handler gets what was read; every error on the way denies the
 * call.
 * The bus limits the pending replies of a connection (128 on the system bus), and a polkit check
 * may wait for a person. So one user has at most MAX_QUESTIONS_PER_USER checks in progress, all
 * users together MAX_QUESTIONS, and further calls wait for their turn.
 */

#include "sinter-authority.h"

#include <polkit/polkit.h>
#include <unistd.h>

#include "sinter-dbus-error.h"
#include "sinter-method.h"

#define MAX_QUESTIONS_PER_USER 16
#define MAX_QUESTIONS 96
#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
#define GUARD_DATA "sinter-authority-guard"     /* on a skeleton's class: its Guard */
#define AUTHORITY_DATA "sinter-authority"       /* on a skeleton: its SinterAuthority */
#define OWNER_DATA "sinter-authority-owner"     /* on a skeleton: uid + 1 */
#define CALL_DATA "sinter-authority-call"       /* on an invocation: its SinterCall */
#define PENDING_DATA "sinter-authority-pending" /* on an invocation: its Pending */

struct _SinterAuthority {
    GObject parent_instance;
    gboolean use_polkit;
    GHashTable *users; /* uid → User, for users with unanswered calls */
    GQueue waiting;    /* of Call: waiting until a polkit check may start */
    guint n_questions; /* polkit checks in progress */
};

G_DEFINE_FINAL_TYPE(SinterAuthority, sinter_authority, G_TYPE_OBJECT)

/* The vtable of a guarded class as GDBus sees it, and the generated one. Lives as long as the
 * class. */
typedef struct {
    GDBusInterfaceVTable vtable;
    GDBusInterfaceMethodCallFunc method_call;
} Guard;

/* The open calls of one user. */
typedef struct {
    guint n_pending;   /* unanswered calls */
    guint n_questions; /* of these: polkit checks in progress */
} User;

/* Counts an invocation of @uid until it is answered. */
typedef struct {
    SinterAuthority *self;
    guint uid;
} Pending;

/* A call before its decision. */
typedef struct {
    SinterAuthority *self;
    GDBusInterfaceSkeleton *skeleton;
    GDBusMethodInvocation *invocation;
    const SinterMethod *method;
    guint uid;
    gboolean interactive;
    GVariant *dictionary;  /* owns the strings of @options */
    SinterOptions options; /* unset if @options_error is set */
    GError *options_error; /* (nullable) */
} Call;

/* What a handler receives. */
typedef struct {
    SinterCall call;
    GVariant *dictionary;
} Dispatched;

static void
call_free(Call *call)
{
    g_object_unref(call->self);
    g_object_unref(call->skeleton);
    g_clear_object(&call->invocation);
    g_clear_pointer(&call->dictionary, g_variant_unref);
    g_clear_error(&call->options_error);
    g_free(call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)

static void
invocation_deny(GDBusMethodInvocation *invocation, const char *why)
{
    const char *interface = g_dbus_method_invocation_get_interface_name(invocation);
    const char *word = strrchr(interface, '.');

    sinter_dbus_return_error(
        invocation, g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED, "calling %s.%s: %s",
                                word ? word + 1 : interface,
                                g_dbus_method_invocation_get_method_name(invocation), why));
}

static void call_deny(Call *call, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
call_deny(Call *call, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    invocation_deny(g_steal_pointer(&call->invocation), why);
}

static Guard *
guard_of(GDBusInterfaceSkeleton *skeleton)
{
    return g_type_get_qdata(G_OBJECT_TYPE(skeleton), g_quark_from_static_string(GUARD_DATA));
}

/* The last argument of every method in the table is its dictionary of options; GDBus has already
 * checked the argument types. */
static GVariant *
get_options(GVariant *parameters)
{
    return g_variant_get_child_value(parameters, g_variant_n_children(parameters) - 1);
}

static void
dispatched_free(gpointer data)
{
    Dispatched *dispatched = data;

    g_variant_unref(dispatched->dictionary);
    g_free(dispatched);
}

static void
attach_call(Call *call, GDBusMethodInvocation *invocation)
{
    Dispatched *dispatched = g_new0(Dispatched, 1);

    dispatched->call.uid = call->uid;
    dispatched->call.options = call->options;
    dispatched->dictionary = g_variant_ref(call->dictionary);
    g_object_set_data_full(G_OBJECT(invocation), CALL_DATA, dispatched, dispatched_free);
}

/* The call is allowed: the generated code unpacks the arguments and calls the handler. */
static void
call_dispatch(Call *call)
{
    GDBusMethodInvocation *invocation = g_steal_pointer(&call->invocation);

    if (call->options_error) {
        sinter_dbus_return_error(invocation, g_steal_pointer(&call->options_error));
        return;
    }
    if (!g_dbus_interface_skeleton_get_object_path(call->skeleton)) {
        sinter_dbus_return_error(invocation,
                                 g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                                             "object '%s' no longer exists",
                                             g_dbus_method_invocation_get_object_path(invocation)));
        return;
    }
    attach_call(call, invocation);
    guard_of(call->skeleton)
        ->method_call(g_dbus_method_invocation_get_connection(invocation),
                      g_dbus_method_invocation_get_sender(invocation),
                      g_dbus_method_invocation_get_object_path(invocation),
                      g_dbus_method_invocation_get_interface_name(invocation),
                      g_dbus_method_invocation_get_method_name(invocation),
                      g_dbus_method_invocation_get_parameters(invocation), invocation,
                      call->skeleton);
}

static void ask_those_who_wait(SinterAuthority *self);

static User *
user_of(Call *call)
{
    return g_hash_table_lookup(call->self->users, GUINT_TO_POINTER(call->uid));
}

/* The polkit check has ended: another call may use its place. */
static void
take_question_back(Call *call)
{
    user_of(call)->n_questions--;
    call->self->n_questions--;
    ask_those_who_wait(call->self);
}

static void
on_polkit_checked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(PolkitAuthorizationResult) verdict =
        polkit_authority_check_authorization_finish(POLKIT_AUTHORITY(source), result, &error);

    take_question_back(call);
    if (!verdict)
        call_deny(call, "polkit could not check authorization for '%s': %s", call->method->action,
                  error->message);
    else if (polkit_authorization_result_get_is_authorized(verdict))
        call_dispatch(call);
    else if (polkit_authorization_result_get_is_challenge(verdict))
        call_deny(
            call,
            "polkit requires authentication for '%s', but no authentication agent is available",
            call->method->action);
    else
        call_deny(call, "polkit denied '%s'", call->method->action);
}

static void
on_polkit_found(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(PolkitAuthority) polkit = polkit_authority_get_finish(result, &error);
    g_autoptr(PolkitSubject) subject = NULL;

    if (!polkit) {
        take_question_back(call);
        call_deny(call, "polkit could not be reached: %s", error->message);
        return;
    }
    /* never by process ID: the PID may have been reused before polkit looks at it */
    subject = polkit_system_bus_name_new(g_dbus_method_invocation_get_sender(call->invocation));
    polkit_authority_check_authorization(
        polkit, subject, call->method->action, NULL,
        call->interactive ? POLKIT_CHECK_AUTHORIZATION_FLAGS_ALLOW_USER_INTERACTION
                          : POLKIT_CHECK_AUTHORIZATION_FLAGS_NONE,
        NULL, on_polkit_checked, call);
    g_steal_pointer(&call);
}

static gboolean
may_ask_now(Call *call)
{
    return call->self->n_questions < MAX_QUESTIONS &&
           user_of(call)->n_questions < MAX_QUESTIONS_PER_USER;
}

/* Takes ownership of @call. */
static void
ask_polkit(Call *call)
{
    user_of(call)->n_questions++;
    call->self->n_questions++;
    polkit_authority_get_async(NULL, on_polkit_found, call);
}

static void
ask_those_who_wait(SinterAuthority *self)
{
    GList *next;

    for (GList *link = self->waiting.head; link; link = next) {
        Call *call = link->data;

        next = link->next;
        if (!may_ask_now(call))
            continue;
        g_queue_delete_link(&self->waiting, link);
        ask_polkit(call);
    }
}

static void
ask_or_wait(Call *call)
{
    if (may_ask_now(call))
        ask_polkit(call);
    else
        g_queue_push_tail(&call->self->waiting, call);
}

static gboolean
call_is_owners(Call *call)
{
    gpointer owner = g_object_get_data(G_OBJECT(call->skeleton), OWNER_DATA);

    return call->method->owner_may && owner && GPOINTER_TO_SIZE(owner) - 1 == call->uid;
}

static void
pending_free(gpointer data)
{
    Pending *pending = data;
    GHashTable *users = pending->self->users;
    User *user = g_hash_table_lookup(users, GUINT_TO_POINTER(pending->uid));

    if (--user->n_pending == 0)
        g_hash_table_remove(users, GUINT_TO_POINTER(pending->uid));
    g_object_unref(pending->self);
    g_free(pending);
}

/* Counts one more unanswered call of this user; returns FALSE if the user has too many. */
static gboolean
count_pending(Call *call)
{
    User *user = user_of(call);
    Pending *pending;

    if (!user) {
        user = g_new0(User, 1);
        g_hash_table_insert(call->self->users, GUINT_TO_POINTER(call->uid), user);
    }
    if (user->n_pending >= SINTER_AUTHORITY_MAX_PENDING)
        return FALSE;
    user->n_pending++;
    pending = g_new0(Pending, 1);
    pending->self = g_object_ref(call->self);
    pending->uid = call->uid;
    g_object_set_data_full(G_OBJECT(call->invocation), PENDING_DATA, pending, pending_free);
    return TRUE;
}

/* The sender's uid is known. */
static void
call_decide(Call *call)
{
    g_autoptr(Call) own = call;

    if (!count_pending(call))
        sinter_dbus_return_error(g_steal_pointer(&call->invocation),
                                 g_error_new(SINTER_ERROR, SINTER_ERROR_BUSY,
                                             "%d calls of user %u are already pending",
                                             SINTER_AUTHORITY_MAX_PENDING, call->uid));
    else if (call_is_owners(call))
        call_dispatch(call);
    else if (call->self->use_polkit)
        ask_or_wait(g_steal_pointer(&own));
    else if (call->uid == getuid())
        call_dispatch(call);
    else
        call_deny(call, "user %u is not the owner of this service", call->uid);
}

static void
on_uid(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    if (!reply) {
        g_dbus_error_strip_remote_error(error);
        call_deny(call, "the message bus could not identify the caller: %s", error->message);
        return;
    }
    g_variant_get(reply, "(u)", &call->uid);
    call_decide(g_steal_pointer(&call));
}

/* Reads the options. An error in them is reported only after the decision. no-interaction is
 * honored even then, so that polkit does not ask the caller for a password against its wish. */
static void
read_options(Call *call, GVariant *parameters)
{
    gboolean no_interaction = FALSE;

    call->dictionary = get_options(parameters);
    if (sinter_options_read(call->dictionary, call->method->options, &call->options,
                            &call->options_error))
        no_interaction = call->options.no_interaction;
    else
        g_variant_lookup(call->dictionary, "no-interaction", "b", &no_interaction);
    call->interactive = !no_interaction;
}

/* Replaces the generated method_call; takes ownership of @invocation. */
static void
guarded_method_call(GDBusConnection *connection, const char *sender, const char *object_path,
                    const char *interface, const char *method, GVariant *parameters,
                    GDBusMethodInvocation *invocation, gpointer user_data)
{
    SinterAuthority *self = g_object_get_data(user_data, AUTHORITY_DATA);
    const SinterMethod *row = sinter_method_lookup(interface, method);
    Call *call;

    if (!row || !sender) {
        invocation_deny(invocation, "nobody may");
        return;
    }
    call = g_new0(Call, 1);
    call->self = g_object_ref(self);
    call->skeleton = g_object_ref(user_data);
    call->invocation = invocation;
    call->method = row;
    read_options(call, parameters);
    g_dbus_connection_call(connection, BUS_NAME, BUS_PATH, BUS_NAME, "GetConnectionUnixUser",
                           g_variant_new("(s)", sender), G_VARIANT_TYPE("(u)"),
                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_uid, call);
}

static GDBusInterfaceVTable *
guarded_get_vtable(GDBusInterfaceSkeleton *skeleton)
{
    return &guard_of(skeleton)->vtable;
}

void
sinter_authority_guard(SinterAuthority *self, GDBusInterfaceSkeleton *skeleton)
{
    GDBusInterfaceSkeletonClass *klass = G_DBUS_INTERFACE_SKELETON_GET_CLASS(skeleton);

    if (klass->get_vtable != guarded_get_vtable) {
        Guard *guard = g_new0(Guard, 1);

        guard->vtable = *klass->get_vtable(skeleton);
        guard->method_call = guard->vtable.method_call;
        guard->vtable.method_call = guarded_method_call;
        g_type_set_qdata(G_OBJECT_TYPE(skeleton), g_quark_from_static_string(GUARD_DATA), guard);
        klass->get_vtable = guarded_get_vtable;
    }
    g_object_set_data_full(G_OBJECT(skeleton), AUTHORITY_DATA, g_object_ref(self), g_object_unref);
}

void
sinter_authority_set_owner(GDBusInterfaceSkeleton *skeleton, guint uid)
{
    g_object_set_data(G_OBJECT(skeleton), OWNER_DATA, GSIZE_TO_POINTER((gsize)uid + 1));
}

const SinterCall *
sinter_authority_get_call(GDBusMethodInvocation *invocation)
{
    const Dispatched *dispatched = g_object_get_data(G_OBJECT(invocation), CALL_DATA);

    g_assert(dispatched); /* handlers are reached only through call_dispatch() */
    return &dispatched->call;
}

SinterAuthority *
sinter_authority_new(gboolean use_polkit)
{
    SinterAuthority *self = g_object_new(SINTER_TYPE_AUTHORITY, NULL);

    self->use_polkit = use_polkit;
    return self;
}

static void
sinter_authority_finalize(GObject *object)
{
    SinterAuthority *self = SINTER_AUTHORITY(object);

    g_hash_table_unref(self->users);
    G_OBJECT_CLASS(sinter_authority_parent_class)->finalize(object);
}

static void
sinter_authority_class_init(SinterAuthorityClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_authority_finalize;
}

static void
sinter_authority_init(SinterAuthority *self)
{
    self->users = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_queue_init(&self->waiting);
}
