// SPDX-License-Identifier: Apache-2.0
//
// A C++ file that includes the C library the way C++ contracts do, within extern "C".
#include <string>

extern "C" {
#include "hotpocket_contract.h"
}

#include "api_contract.h"

std::size_t api_wrapped_users() {
    return hp_get_context()->users.count;
}
