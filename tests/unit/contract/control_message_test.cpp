// SPDX-License-Identifier: Apache-2.0
// Control messages (contract-protocol.md 8.5; section 15, tests 69 to 71).
#include "contract/control_message.hpp"

#include "hp/base/limits.hpp"
#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

namespace {

Result<ControlMessage> decode(const std::string& text) {
    return decode_control_message(as_bytes(text));
}

} // namespace

TEST_CASE("peer changes") {
    auto message = decode(R"({"type":"peer_changeset","add":["a.b:22860","10.0.0.1:1"],)"
                          R"("remove":["c:65535"]})");
    REQUIRE(message);
    CHECK(std::get<PeerChangeset>(*message) ==
          PeerChangeset{{{"a.b", 22860}, {"10.0.0.1", 1}}, false, {{"c", 65535}}});
    message = decode(R"( {"remove":"*", "type":"peer_changeset", "x":[{}], "add":[]} )");
    REQUIRE(message);
    CHECK(std::get<PeerChangeset>(*message) == PeerChangeset{{}, true, {}});
}

TEST_CASE("as many peers as a packet holds") {
    std::string text = R"({"type":"peer_changeset","remove":"*","add":["a:1")";
    while (text.size() + 8 < limits::control_message_bytes_max) {
        text += R"(,"a:1")";
    }
    const auto message = decode(text + "]}");
    REQUIRE(message);
    CHECK(std::get<PeerChangeset>(*message).add.size() > 21'000);
}

TEST_CASE("one malformed entry refuses all of a message") {
    const std::string start = R"({"type":"peer_changeset",)";
    for (const char* rest :
         {R"("add":[]})", R"("remove":[]})", R"("add":[],"remove":null})",
          R"("add":"*","remove":[]})", R"("add":[],"remove":"a:1"})", R"("add":[],"remove":{}})",
          R"("add":["a:1",7],"remove":[]})", R"("add":["a:1","b"],"remove":[]})",
          R"("add":["a:0"],"remove":[]})", R"("add":["a:65536"],"remove":[]})",
          R"("add":[":1"],"remove":[]})", R"("add":["a:1:2"],"remove":[]})",
          R"("add":["a b:1"],"remove":[]})", R"("add":["a:1"],"remove":["a:"]})",
          R"("add":["a:+1"],"remove":[]})", R"("add":["a:1"],"add":[],"remove":[]})"}) {
        INFO(rest);
        const auto message = decode(start + rest);
        REQUIRE(!message);
        CHECK(message.err().code == Errc::invalid);
        CHECK(!message.err().context.empty());
    }
}

TEST_CASE("other types, and what is no message") {
    CHECK(std::holds_alternative<ContractEnd>(*decode(R"({"type":"contract_end"})")));
    CHECK(std::holds_alternative<ContractEnd>(*decode(R"({"type":"contract_end","why":1})")));
    CHECK(std::get<UnknownControl>(*decode(R"({"type":"Contract_end"})")).type == "Contract_end");
    for (const char* text : {"", "x", "[]", "\"contract_end\"", "{}", R"({"type":1})",
                             R"({"type":null})", R"({"type":"a","type":"b"})",
                             R"({"type":"contract_end"} x)", R"({"type":"contract_end",})",
                             R"({'type':'contract_end'})", R"({"type":"contract_end"} // done)"}) {
        INFO(text);
        CHECK(!decode(text));
    }
    const std::string bomb = R"({"type":"a","b":)" + std::string(60'000, '[');
    CHECK(!decode(bomb));
    CHECK(!decode(std::string("{\"type\":\"contract_end\"}\0", 24)));
}
