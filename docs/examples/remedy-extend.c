/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A remedy as a plugin: when the volume of the active image is full, it proposes to extend the
 * volume and to resume the guest. After three attempts it only reports the problem.
 *
 *     cc -shared -fPIC -o remedy-extend.so remedy-extend.c \
 *         $(pkg-config --cflags --libs sinter-plugin)
 */

#include <sinter-plugin.h>
#include <sinter-remedy.h>

#define STEP_BYTES (G_GUINT64_CONSTANT(1) << 30)
#define MAX_ATTEMPTS 3

static gboolean
is_full_volume(const SinterRemedyQuestion *question)
{
    const SinterLayer *active;

    if (g_strcmp0(question->cause, "device-full") != 0 || !question->disk ||
        question->disk->layers->len == 0)
        return FALSE;
    active = g_ptr_array_index(question->disk->layers, 0);
    return active->type == SINTER_SOURCE_BLOCK;
}

static gboolean
extend_propose(const SinterRemedyQuestion *question, SinterProposeFunc func, gpointer user_data,
               GError **error)
{
    if (!is_full_volume(question))
        return TRUE;
    if (question->n_attempts >= MAX_ATTEMPTS) {
        func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPORT,
                                .reason = "the volume is full again after three extensions" },
             user_data);
        return TRUE;
    }
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_EXTEND,
                            .bytes = STEP_BYTES,
                            .reason = "the volume under the active image is full" },
         user_data);
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_RESUME,
                            .reason = "the guest waits for room to write" },
         user_data);
    return TRUE;
}

static const SinterRemedy extend = {
    .struct_size = sizeof(SinterRemedy),
    .api_version = SINTER_REMEDY_API_VERSION,
    .propose = extend_propose,
};

SINTER_PLUGIN_DEFINE(remedy_extend) = {
    .abi = SINTER_PLUGIN_ABI,
    .struct_size = sizeof(SinterPlugin),
    .kind = SINTER_PLUGIN_REMEDY,
    .name = "remedy-extend",
    .summary = "extends volumes that are full",
    .operations = &extend,
};
