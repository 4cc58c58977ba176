// SPDX-License-Identifier: Apache-2.0
//
// A C++ file that includes the C library as it is. Its functions have C++ linkage then and differ
// from those of the C files, but the context is the same.
#include "hotpocket_contract.h"

#include "api_contract.h"

std::size_t api_plain_users() {
    return hp_get_context()->users.count;
}
