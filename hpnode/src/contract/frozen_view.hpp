// SPDX-License-Identifier: Apache-2.0
// Makes a directory read-only for this process and its future children, whoever they are: a
// read-only bind mount in a mount namespace of their own. Everybody else keeps writing to it, and
// the mount ends with the last of these processes, so that nothing stale is ever left behind.
#pragma once

#include <string>

#include "hp/base/result.hpp"

namespace hp::contract {

// Single-threaded processes only. Without CAP_SYS_ADMIN a user namespace provides it, in which the
// process keeps its user and group. Errc::unsupported where neither is allowed; nothing has changed
// then that matters to the caller.
Status freeze_for_self_and_children(const std::string& directory);

} // namespace hp::contract
