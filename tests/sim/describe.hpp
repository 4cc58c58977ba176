// SPDX-License-Identifier: Apache-2.0
// What messages say, in a few words, for traces. Pure; any thread.
#pragma once

#include <string>

#include "consensus/messages.hpp"

namespace hp::sim {

std::string describe(const consensus::Message& message);

} // namespace hp::sim
