// SPDX-License-Identifier: Apache-2.0
// Three exchanges of messages:
//   commit   every node draws a secret and says its hash, so nobody can choose one to suit others
//   reveal   every node says its secret; those that fit their hash make the number
//   vote     every node says the number it came to, because not all need have heard the same
// The number of more than two thirds of the UNL counts, on those that came to another one, too.
// Nodes that are silent cost one time limit, and more than a third of them the agreement.
#ifndef ROLL_H
#define ROLL_H

#include <hotpocket_helpers.h>

/// The number as 64 hex digits; false if there is no agreement.
bool roll_agree(const struct hp_contract_context* ctx, char number[HP_SHA256_SIZE + 1]);

#endif
