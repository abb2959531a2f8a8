/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A policy as a shared object, for the tests of the loader. Built several times, each with
 * something else wrong with it; see meson.build.
 */

#include "sinter-plugin.h"
#include "sinter-policy.h"

#ifndef SAMPLE_NAME
#define SAMPLE_NAME "policy-sample"
#endif
#ifndef SAMPLE_ABI
#define SAMPLE_ABI SINTER_PLUGIN_ABI
#endif
#ifndef SAMPLE_SIZE
#define SAMPLE_SIZE sizeof(SinterPlugin)
#endif
#ifndef SAMPLE_KIND
#define SAMPLE_KIND SINTER_PLUGIN_POLICY
#endif

#ifdef SAMPLE_UNRESOLVED
void sinter_sample_nobody_has_this(void);
#endif

static gboolean
sample_propose(const SinterPolicyQuestion *question, SinterProposeFunc func, gpointer user_data,
               GError **error)
{
#ifdef SAMPLE_UNRESOLVED
    sinter_sample_nobody_has_this();
#endif
    func(&(SinterProposal){ .kind = SINTER_PROPOSE_REPORT, .reason = "this is a sample" },
         user_data);
    return TRUE;
}

static const SinterPolicy sample = {
    .struct_size = sizeof(SinterPolicy),
    .api_version = SINTER_POLICY_API_VERSION,
    .propose = sample_propose,
};

#ifdef SAMPLE_NO_SYMBOL
extern const SinterPlugin sample_under_another_name;
const SinterPlugin sample_under_another_name = {
#else
SINTER_PLUGIN_DEFINE(policy_sample) = {
#endif
    .abi = SAMPLE_ABI,
    .struct_size = SAMPLE_SIZE,
    .kind = SAMPLE_KIND,
    .name = SAMPLE_NAME,
    .summary = "proposes what the tests expect",
    .operations = &sample,
};
