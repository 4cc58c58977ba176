// SPDX-License-Identifier: Apache-2.0
#include "contract/control_message.hpp"

#include "hp/config/config_io.hpp"
#include "hp/proto/document.hpp"

namespace hp::contract {
namespace {

using proto::Value;

Result<std::vector<config::HostPort>> decode_peers(const Value& list, std::string_view name) {
    std::vector<config::HostPort> peers;
    peers.reserve(list.items.size());
    for (const Value& item : list.items) {
        auto peer = item.type == Value::Type::string ? config::parse_host_port(item.text)
                                                     : std::optional<config::HostPort>();
        if (!peer) {
            return fail(Errc::invalid, "entry " + std::to_string(peers.size()) + " of \"" +
                                           std::string(name) + "\" is not \"host:port\"");
        }
        peers.push_back(std::move(*peer));
    }
    return peers;
}

Result<ControlMessage> decode_peer_changeset(const Value& message) {
    const Value* add = message.find("add", Value::Type::array);
    if (add == nullptr) {
        return fail(Errc::invalid, "peer_changeset needs \"add\", an array");
    }
    PeerChangeset changes;
    HP_TRY(changes.add, decode_peers(*add, "add"));
    const Value* remove = message.find("remove");
    if (remove != nullptr && remove->type == Value::Type::string && remove->text == "*") {
        changes.remove_all = true;
    } else if (remove != nullptr && remove->type == Value::Type::array) {
        HP_TRY(changes.remove, decode_peers(*remove, "remove"));
    } else {
        return fail(Errc::invalid, "peer_changeset needs \"remove\", an array or \"*\"");
    }
    return ControlMessage(std::move(changes));
}

} // namespace

Result<ControlMessage> decode_control_message(ByteView packet) {
    const auto message = proto::parse_json(packet, proto::control_message_limits);
    if (!message || message->type != Value::Type::object) {
        return fail(Errc::invalid, "not a JSON object");
    }
    const Value* type = message->find("type", Value::Type::string);
    if (type == nullptr) {
        return fail(Errc::invalid, "no \"type\"");
    }
    if (type->text == "peer_changeset") {
        return decode_peer_changeset(*message);
    }
    if (type->text == "contract_end") {
        return ControlMessage(ContractEnd{});
    }
    return ControlMessage(UnknownControl{type->text});
}

} // namespace hp::contract
