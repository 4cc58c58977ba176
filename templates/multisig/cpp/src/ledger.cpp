// SPDX-License-Identifier: Apache-2.0
#include "multisig.hpp"

#include <hp/contract/json.hpp>

namespace multisig {
namespace {

using namespace hp::contract;

std::int64_t number(std::string_view text) {
    return parse_integer(text).value_or(0);
}

std::string pay(Value& book, std::string_view to, std::int64_t amount) {
    const auto funds = book["funds"].integer().value_or(0);
    const auto balance = book["balances"][to].integer().value_or(0);
    if (amount <= 0 || amount > funds)
        return "there are not so many funds";
    book.set("funds", funds - amount);
    book.find("balances")->set(to, balance + amount);
    return "";
}

std::string rotate(Value& book, std::int64_t quorum, std::string_view numbers) {
    const auto words = split(numbers, ',');
    Value kept = Value::Array{};
    for (const std::string_view word : words)
        for (const Value& signer : book["signers"].items())
            if (signer["number"].integer() == number(word) && !kept.contains(signer))
                kept.push_back(signer);
    const auto count = std::ssize(kept.items());
    if (count != std::ssize(words))
        return "only signers of now can stay";
    if (quorum > count || 2 * quorum <= count)
        return "the quorum must be more than half of the signers, and not more than there are";
    book.set("quorum", quorum);
    book.set("signers", kept);
    return "";
}

} // namespace

std::string make_order(const Value& book, std::string_view request) {
    const auto words = split(request);
    const auto sequence = book["sequence"].integer().value_or(0);
    const bool good = words.size() == 3 && ((words[0] == "pay" && number(words[2]) > 0) ||
                                            (words[0] == "rotate" && number(words[1]) > 0));
    return good ? std::to_string(sequence) + " " + std::string(request) : "";
}

Value submit(Value& book, const Value& signed_order) {
    const auto order = signed_order["order"].text().value_or("");
    const auto words = split(order);
    const auto sequence = book["sequence"].integer().value_or(0);
    if (words.size() != 4 || number(words[0]) != sequence)
        return error_answer("the next sequence number is " + std::to_string(sequence));
    const Value found = verified(book, order, signed_order["signatures"]);
    const auto count = std::ssize(found.items());
    if (const auto quorum = book["quorum"].integer().value_or(0); count < quorum)
        return error_answer(std::to_string(quorum) + " signatures are needed, there are " +
                            std::to_string(count));
    const std::string problem = words[1] == "pay"      ? pay(book, words[2], number(words[3]))
                                : words[1] == "rotate" ? rotate(book, number(words[2]), words[3])
                                                       : "unknown order";
    if (!problem.empty())
        return error_answer(problem);
    book.set("sequence", sequence + 1);
    return Value::Object{{"done", order}, {"signatures", found}};
}

} // namespace multisig
