// SPDX-License-Identifier: Apache-2.0
//
// The decoder of the document on standard input, without processes: damaged and huge documents.
// test_sdk_start.cpp has the cases one by one, with the words a contract prints.
//
// Threads: one.
#include "fixtures.hpp"
#include "random_values.hpp"

#include <document.hpp>

using namespace hp::contract;
using namespace hp::test;

namespace {

std::string make_document(std::size_t inputs) {
    std::string out = R"({"hp_version":"0.6.4","contract_id":"71216897","public_key":")" +
                      node_key() + R"(","private_key":")" + node_private_key() +
                      R"(","timestamp":1795212533671,"readonly":false,"lcl_seq_no":13,)"
                      R"("lcl_hash":")" +
                      lcl_hash() + R"(","npl_fd":20,"control_fd":18,"user_in_fd":17,"users":{")" +
                      make_key(1) + R"(":[16)";
    for (std::size_t i = 0; i < inputs; ++i)
        out += ",[" + std::to_string(4096 * i) + ",5]";
    return out + R"(]},"unl":{")" + node_key() + R"(":{"active_on":1795212534477}}})";
}

} // namespace

TEST_CASE("document: a million inputs", "[sdk]") {
    std::string error;
    const auto document = detail::decode_document(make_document(1'000'000), error);
    CHECK(error.empty());
    REQUIRE(document);
    REQUIRE(document->users.size() == 1);
    CHECK(document->users[0].inputs.size() == 1'000'000);
    CHECK(document->users[0].inputs.back().offset == 4096UL * 999'999);
}

TEST_CASE("document: damaged ones are refused with a reason, or mean something", "[sdk]") {
    const std::string intact = make_document(3);
    RandomValues random(74);
    int refused = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text = intact;
        random.damage(text);
        std::string error;
        const auto document = detail::decode_document(text, error);
        REQUIRE(document.has_value() == error.empty());
        if (!document) {
            ++refused;
            continue;
        }
        for (const detail::UserEntry& user : document->users) {
            REQUIRE(user.output_fd >= 3);
            for (const detail::InputRange& input : user.inputs)
                REQUIRE(input.offset + input.length <= 0x7FFFFFFFFFFFFFFFU);
        }
    }
    CHECK(refused > 10'000);
}
