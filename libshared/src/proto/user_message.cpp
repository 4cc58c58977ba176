// SPDX-License-Identifier: Apache-2.0
#include "hp/proto/user_message.hpp"

#include <algorithm>
#include <array>

namespace hp::proto {
namespace {

constexpr std::array<std::string_view, 8> reason_names = {
    "bad_msg_format",        "invalid_msg_type", "max_ledger_offset_exceeded", "max_ledger_expired",
    "round_inputs_overflow", "nonce_expired",    "already_submitted",          "bad_sig"};
constexpr std::array<std::string_view, 4> vote_status_names = {"unknown", "unreliable", "desync",
                                                               "synced"};
constexpr std::array<std::string_view, 3> channel_names = {"unl_change", "ledger_event",
                                                           "health_event"};

template <class Enum, std::size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& names, std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) {
        return std::nullopt;
    }
    return static_cast<Enum>(found - names.begin());
}

} // namespace

std::string_view to_string(RejectReason reason) {
    return reason_names[static_cast<std::size_t>(reason)];
}

std::optional<RejectReason> parse_reject_reason(std::string_view text) {
    return parse<RejectReason>(reason_names, text);
}

std::string_view to_string(VoteStatus status) {
    return vote_status_names[static_cast<std::size_t>(status)];
}

std::optional<VoteStatus> parse_vote_status(std::string_view text) {
    return parse<VoteStatus>(vote_status_names, text);
}

std::string_view to_string(Channel channel) {
    return channel_names[static_cast<std::size_t>(channel)];
}

std::optional<Channel> parse_channel(std::string_view text) {
    return parse<Channel>(channel_names, text);
}

} // namespace hp::proto
