/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Symptoms as values. Invariant: a layer always has a description.
 */

#include "sinter-symptoms.h"

SinterLayerSymptoms *
sinter_layer_symptoms_new(const SinterLayer *layer)
{
    SinterLayerSymptoms *symptoms = g_new0(SinterLayerSymptoms, 1);

    symptoms->path = g_strdup(layer->path);
    symptoms->description = g_strdup(layer->description);
    symptoms->format = g_strdup(layer->format);
    symptoms->type = layer->type;
    symptoms->missing = layer->missing;
    return symptoms;
}

void
sinter_layer_symptoms_free(SinterLayerSymptoms *layer)
{
    if (!layer)
        return;
    g_free(layer->path);
    g_free(layer->description);
    g_free(layer->format);
    g_free(layer->fs_type);
    g_free(layer->fs_path);
    g_free(layer->quota);
    g_free(layer->trouble);
    g_free(layer);
}

SinterSymptoms *
sinter_symptoms_new(void)
{
    SinterSymptoms *symptoms = g_new0(SinterSymptoms, 1);

    symptoms->layers =
        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))sinter_layer_symptoms_free);
    return symptoms;
}

void
sinter_symptoms_free(SinterSymptoms *symptoms)
{
    if (!symptoms)
        return;
    g_free(symptoms->text);
    g_ptr_array_unref(symptoms->layers);
    g_free(symptoms);
}
