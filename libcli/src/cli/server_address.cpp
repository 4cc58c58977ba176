// SPDX-License-Identifier: Apache-2.0
#include "cli/server_address.hpp"

#include <arpa/inet.h>

namespace hp::cli {

std::string host_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) {
        return {};
    }
    url.remove_prefix(scheme + 3);
    // Exactly as the connector reads it (libshared, net/connector.cpp).
    url = url.substr(0, url.find('/'));
    url = url.substr(0, url.rfind(':'));
    if (url.starts_with('[') && url.ends_with(']')) {
        url = url.substr(1, url.size() - 2);
    }
    return std::string(url);
}

bool is_loopback(std::string_view url) {
    const std::string host = host_of(url);
    in_addr four{};
    in6_addr six{};
    if (::inet_pton(AF_INET, host.c_str(), &four) == 1) {
        return ntohl(four.s_addr) >> 24U == 127;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six) != 0;
    }
    return host == "localhost";
}

} // namespace hp::cli
