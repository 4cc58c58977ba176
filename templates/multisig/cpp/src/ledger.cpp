// SPDX-License-Identifier: Apache-2.0
#include "ledger.hpp"

#include "keys.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

namespace ledger {
namespace {

using hp::contract::Value;

Value error(std::string_view what) {
    return Value::Object{{"error", what}};
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> out;
    for (std::size_t end = text.find(at); end != text.npos; end = text.find(at)) {
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    out.emplace_back(text);
    return out;
}

/// Above 0; 0 if it is none.
std::int64_t number(std::string_view text) {
    std::int64_t out = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
    return failed == std::errc{} && end == text.data() + text.size()
               ? std::max<std::int64_t>(out, 0)
               : 0;
}

/// How many different signers have signed.
std::int64_t count_signatures(const Value& book, const Value& signed_order) {
    std::set<std::int64_t> found;
    for (const Value& one : signed_order["signatures"].items())
        for (const Value& signer : book["signers"].items())
            if (signer["number"] == one["number"] &&
                keys::verify(signed_order["order"].text().value_or(""),
                             one["signature"].text().value_or(""),
                             signer["key"].text().value_or("")))
                found.insert(signer["number"].integer().value_or(0));
    return static_cast<std::int64_t>(found.size());
}

std::string pay(Value& book, const std::string& to, std::int64_t amount) {
    const auto funds = book["funds"].integer().value_or(0);
    const auto balance = book["balances"][to].integer().value_or(0);
    if (amount == 0 || amount > funds)
        return "there are not so many funds";
    book.set("funds", funds - amount);
    book.find("balances")->set(to, balance + amount);
    return "";
}

bool holds(const Value& list, const Value& item) {
    return std::ranges::find(list.items(), item) != list.items().end();
}

std::string rotate(Value& book, std::int64_t quorum, const std::string& numbers) {
    Value kept = Value::Array{};
    for (const std::string& word : split(numbers, ','))
        for (const Value& signer : book["signers"].items())
            if (signer["number"].integer() == number(word) && !holds(kept, signer))
                kept.push_back(signer);
    const auto count = static_cast<std::int64_t>(kept.items().size());
    if (count != static_cast<std::int64_t>(split(numbers, ',').size()))
        return "only signers of now can stay";
    if (quorum == 0 || quorum > count || 2 * quorum <= count)
        return "the quorum must be more than half of the signers, and not more than there are";
    book.set("quorum", quorum);
    book.set("signers", kept);
    return "";
}

} // namespace

std::string make_order(const Value& book, std::string_view request) {
    const auto words = split(request, ' ');
    const bool good = words.size() == 3 && ((words[0] == "pay" && number(words[2]) > 0) ||
                                            (words[0] == "rotate" && number(words[1]) > 0));
    return good
               ? std::to_string(book["sequence"].integer().value_or(0)) + " " + std::string(request)
               : "";
}

Value submit(Value& book, const Value& signed_order) {
    const std::string order(signed_order["order"].text().value_or(""));
    const auto words = split(order, ' ');
    const auto sequence = book["sequence"].integer().value_or(0);
    if (words.size() != 4 || number(words[0]) != sequence)
        return error("the next sequence number is " + std::to_string(sequence));
    const auto signatures = count_signatures(book, signed_order);
    const auto quorum = book["quorum"].integer().value_or(0);
    if (signatures < quorum)
        return error(std::to_string(quorum) + " signatures are needed, there are " +
                     std::to_string(signatures));
    const std::string problem = words[1] == "pay"      ? pay(book, words[2], number(words[3]))
                                : words[1] == "rotate" ? rotate(book, number(words[2]), words[3])
                                                       : "unknown order";
    if (!problem.empty())
        return error(problem);
    book.set("sequence", sequence + 1);
    return Value::Object{{"done", order}, {"signatures", signed_order["signatures"]}};
}

} // namespace ledger
