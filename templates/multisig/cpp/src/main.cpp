// SPDX-License-Identifier: Apache-2.0
// The run: load the ledger, handle every request in order, save, answer.
#include "multisig.hpp"

#include <hp/contract/json.hpp>

using namespace hp::contract;

static Value answer(Context& c, Value& book, const Input& input) {
    if (input.text() == "status")
        return book;
    if (c.readonly())
        return error_answer("a read request cannot change state; send this as an input");
    if (const auto signed_one = decode_json(input.text()); signed_one && signed_one->find("order"))
        return multisig::submit(book, *signed_one); // signatures that somebody brings along
    const std::string order = multisig::make_order(book, input.text());
    if (order.empty())
        return error_answer("unknown request; try pay TO AMOUNT, rotate QUORUM N,N,N or status");
    const Value signed_order = multisig::collect(c, book, order);
    return signed_order.is_null() ? error_answer("no agreement, try again")
                                  : multisig::submit(book, signed_order);
}

int main() {
    const auto on_run = [](Context& c, Value& book, Answers& answers) {
        for (User& user : c.users())
            for (const Input& input : user.inputs())
                answers.add(user, answer(c, book, input));
    };
    return run(with_state("ledger.json", std::nullopt, on_run)); // without a ledger there is no run
}
