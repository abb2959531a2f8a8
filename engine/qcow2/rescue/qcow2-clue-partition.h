/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-clue.h"

G_BEGIN_DECLS

/* "EFI PART". Source: UEFI Specification 2.10, 5.3.2. */
void sinter_qcow2_clue_gpt(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

/* A GPT partition entry, by its well-known type. Source: UEFI Specification 2.10, 5.3.3. */
void sinter_qcow2_clue_gpt_entry(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

/* A sector that ends with 0x55aa. Source: UEFI Specification 2.10, 5.2.1. */
void sinter_qcow2_clue_mbr(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

G_END_DECLS
