// SPDX-License-Identifier: Apache-2.0
#include "collect.hpp"

#include "keys.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/json.hpp>

#include <map>

namespace collect {
namespace {

using namespace hp::contract;

/// One round for each exchange at most. They take that long only when a node is silent.
int exchange_ms() {
    const auto config = read_config();
    return config ? static_cast<int>(config->consensus.roundtime_ms) : 1000;
}

/// Those of signers, in the ledger's order of signers. Who sent them does not matter.
Value verified(const Value& book, const std::string& order, const NplExchange& heard) {
    Value out = Value::Array{};
    for (const Value& signer : book["signers"].items())
        for (const NplMessage& message : heard.messages)
            if (keys::verify(order, message.text(), signer["key"].text().value_or(""))) {
                out.push_back(
                    Value::Object{{"number", signer["number"]}, {"signature", message.text()}});
                break;
            }
    return out;
}

} // namespace

std::optional<Value> signatures(Context& c, const Value& book, const std::string& order) {
    const std::string own = keys::sign(order).value_or("none");
    // The order is part of the topic: a run may have several.
    const auto heard = c.npl().exchange("sign " + order, as_bytes(own), c.unl(), exchange_ms());
    const std::string list = encode_json(verified(book, order, heard));

    std::map<std::string, std::size_t> counts;
    for (const NplMessage& vote : c.npl()
                                      .exchange("list " + order, as_bytes(list), c.unl(),
                                                exchange_ms(), heard.messages.size())
                                      .messages)
        ++counts[std::string(vote.text())];
    for (const auto& [text, count] : counts)
        if (const auto agreed = decode_json(text); agreed && 3 * count > 2 * c.unl().count())
            return Value::Object{{"order", order}, {"signatures", *agreed}};
    return std::nullopt;
}

} // namespace collect
