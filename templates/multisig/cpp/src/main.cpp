// SPDX-License-Identifier: Apache-2.0
// The run: load the ledger, handle every request in order, save, answer.
#include "collect.hpp"
#include "ledger.hpp"

#include <hp/contract/contract.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <stdexcept>
#include <utility>
#include <vector>

using namespace hp::contract;

namespace {

constexpr const char* ledger_file = "ledger.json";

Value error(std::string_view what) {
    return Value::Object{{"error", what}};
}

Value answer(Context& c, Value& book, const Input& input) {
    if (input.text() == "status")
        return book;
    if (c.readonly())
        return error("a read request cannot change state; send this as an input");
    if (const auto signed_one = decode_json(input.text()); signed_one && signed_one->find("order"))
        return ledger::submit(book, *signed_one); // signatures that somebody brings along
    const std::string order = ledger::make_order(book, input.text());
    if (order.empty())
        return error("unknown request; try pay TO AMOUNT, rotate QUORUM N,N,N or status");
    const auto signed_order = collect::signatures(c, book, order);
    return signed_order ? ledger::submit(book, *signed_order) : error("no agreement, try again");
}

} // namespace

int main() {
    return run([](Context& c) {
        const auto text = read_file(ledger_file);
        const auto before = text ? decode_json(*text) : Result<Value>(text.error());
        if (!before)
            throw std::runtime_error(before.error().message); // do not go on without the ledger
        Value book = *before;
        std::vector<std::pair<User*, Value>> answers;
        for (User& user : c.users())
            for (const Input& input : user.inputs())
                answers.emplace_back(&user, answer(c, book, input));
        // First the disk, then the answers: nobody is told what was not kept.
        if (book != *before)
            if (const Status saved = replace_file(ledger_file, encode_json(book, 4)); !saved)
                throw std::runtime_error(saved.error().message);
        for (const auto& [user, value] : answers)
            send_json(*user, value);
    });
}
