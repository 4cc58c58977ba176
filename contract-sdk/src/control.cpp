// SPDX-License-Identifier: Apache-2.0
//
// Control messages as JSON, members in the order the published libraries use. Peers are checked
// here, because the node drops a whole request for one bad entry and never says so.
//
// Threads: one thread at a time.
#include "io.hpp"

#include <hp/contract/control.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace hp::contract {
namespace {

/// Visible ASCII only, so that an entry needs no escaping and cannot break out of its JSON string.
bool is_host_char(char c) noexcept {
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != ':';
}

bool is_port(std::string_view text) noexcept {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= 65535;
}

bool is_peer(std::string_view text) noexcept {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0)
        return false;
    const std::string_view host = text.substr(0, colon);
    return std::all_of(host.begin(), host.end(), is_host_char) && is_port(text.substr(colon + 1));
}

std::string peer_array(std::span<const std::string> peers) {
    std::string out = "[";
    for (const std::string& peer : peers) {
        if (out.size() > 1)
            out += ',';
        out += '"';
        out += peer;
        out += '"';
    }
    out += ']';
    return out;
}

std::error_code send_changeset(std::optional<int> fd, std::span<const std::string> add,
                               std::string_view remove_json) {
    if (!fd)
        return std::make_error_code(std::errc::not_connected);
    if (!std::all_of(add.begin(), add.end(), is_peer))
        return std::make_error_code(std::errc::invalid_argument);
    std::string message = R"({"type":"peer_changeset","add":)" + peer_array(add) + R"(,"remove":)";
    message += remove_json;
    message += '}';
    if (message.size() > Control::message_bytes_max)
        return std::make_error_code(std::errc::message_size);
    return detail::send_packet(*fd, as_bytes(message), true);
}

} // namespace

std::error_code Control::update_peers(std::span<const std::string> add,
                                      std::span<const std::string> remove) {
    if (!std::all_of(remove.begin(), remove.end(), is_peer))
        return std::make_error_code(std::errc::invalid_argument);
    return send_changeset(fd_, add, peer_array(remove));
}

std::error_code Control::replace_all(std::span<const std::string> add) {
    return send_changeset(fd_, add, R"("*")");
}

std::error_code Control::contract_end() {
    if (!fd_)
        return std::make_error_code(std::errc::not_connected);
    if (ended_)
        return {};
    ended_ = true;
    return detail::send_packet(*fd_, as_bytes(R"({"type":"contract_end"})"), false);
}

} // namespace hp::contract
