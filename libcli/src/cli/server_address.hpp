// SPDX-License-Identifier: Apache-2.0
// What the address of a server tells. Pure; names are not looked up.
#pragma once

#include <string>
#include <string_view>

namespace hp::cli {

// The host of ws://host:port/path, without the brackets of IPv6. Empty when it is none.
std::string host_of(std::string_view url);

// Whether nobody but this machine can be meant: 127.0.0.0/8, ::1, "localhost". Names that only
// look like one, such as 127.example.org, do not count.
bool is_loopback(std::string_view url);

} // namespace hp::cli
