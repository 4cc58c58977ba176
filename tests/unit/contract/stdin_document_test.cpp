// SPDX-License-Identifier: Apache-2.0
// The document and the input file, byte for byte (contract-protocol.md sections 7 and 8.2).
#include "contract/stdin_document.hpp"

#include <sys/stat.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

namespace {

const std::string node_key = "edabcdef01" + std::string(56, '0');
const std::string user_1 = "ed00000001" + std::string(56, '0');
const std::string user_2 = "ed00000002" + std::string(56, '0');

RunSpec make_spec() {
    RunSpec spec;
    spec.hp_version = "0.6.4";
    spec.contract_id = "3c349abe-4d70-4f50-9fa6-018f1f2530ab";
    spec.node_keys.public_key = numbered_key(0xabcdef01);
    spec.node_keys.private_key.data[0] = key_prefix;
    spec.timestamp = 1795212533671;
    spec.lcl = LedgerId{13, {}};
    spec.lcl->hash.data.fill(0xd3);
    spec.users = {{numbered_key(1), {shared("hello"), shared("abc")}}, {numbered_key(2), {}}};
    spec.unl = {{numbered_key(1), 1795212534477}, {numbered_key(2), 0}};
    return spec;
}

std::string document(const RunSpec& spec) {
    return make_stdin_document(spec, lay_out_inputs(spec.users), number_channels(spec.readonly));
}

} // namespace

TEST_CASE("the document of a consensus run") {
    CHECK(
        document(make_spec()) ==
        "{\"hp_version\":\"0.6.4\",\"contract_id\":\"3c349abe-4d70-4f50-9fa6-018f1f2530ab\","
        "\"public_key\":\"" +
            node_key + "\",\"private_key\":\"ed" + std::string(128, '0') +
            "\",\"timestamp\":1795212533671,\"readonly\":false,\"lcl_seq_no\":13,\"lcl_hash\":\"" +
            "d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3" +
            "\",\"npl_fd\":12,\"control_fd\":10,\"user_in_fd\":11,\"users\":{\"" + user_1 +
            "\":[13,[0,5],[4096,3]],\"" + user_2 + "\":[14]},\"unl\":{\"" + user_1 +
            "\":{\"active_on\":1795212534477},\"" + user_2 + "\":{\"active_on\":0}}}");
}

TEST_CASE("the document of a read request") {
    RunSpec spec = make_spec();
    spec.readonly = true;
    spec.timestamp = 0;
    spec.lcl.reset();
    spec.users = {{numbered_key(2), {shared("query?")}}};
    spec.unl = {{numbered_key(1), 5}};
    CHECK(document(spec) ==
          "{\"hp_version\":\"0.6.4\",\"contract_id\":\"3c349abe-4d70-4f50-9fa6-018f1f2530ab\","
          "\"public_key\":\"" +
              node_key + "\",\"private_key\":\"ed" + std::string(128, '0') +
              "\",\"timestamp\":0,\"readonly\":true,\"control_fd\":10,\"user_in_fd\":11,\"users\":{"
              "\"" +
              user_2 + "\":[12,[0,6]]},\"unl\":{\"" + user_1 + "\":{\"active_on\":5}}}");
}

TEST_CASE("a run without users") {
    RunSpec spec = make_spec();
    spec.users.clear();
    CHECK(document(spec).find("\"users\":{},") != std::string::npos);
    CHECK(lay_out_inputs({}).file_size == 4096);
}

TEST_CASE("the document stays ASCII and valid whatever the names are") {
    RunSpec spec = make_spec();
    spec.contract_id = "a\"\\\n\xc3\xa9\xff";
    const auto parsed = nlohmann::json::parse(document(spec));
    CHECK(parsed["contract_id"] == "a\"\\\n\xc3\xa9\xef\xbf\xbd");
    const std::string text = document(spec);
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 127; }));
}

TEST_CASE("inputs start on page boundaries with zeros behind them") {
    const std::string page(4096, 'p');
    const std::vector<RunUser> users = {
        {numbered_key(1), {shared(page), shared(""), shared(page + "q")}},
        {numbered_key(2), {shared("end")}}};
    const InputLayout layout = lay_out_inputs(users);
    CHECK(layout.users[0] == std::vector<InputSpan>{{0, 4096}, {4096, 0}, {8192, 4097}});
    CHECK(layout.users[1] == std::vector<InputSpan>{{16384, 3}});
    CHECK(layout.file_size == 20480);
    CHECK(layout.input_bytes == 4096 + 4097 + 3);

    auto file = make_input_file(users, layout);
    REQUIRE(file);
    struct stat info {};
    REQUIRE(::fstat(file->get(), &info) == 0);
    REQUIRE(info.st_size == 20480);
    std::string content(20480, '?');
    REQUIRE(::pread(file->get(), content.data(), content.size(), 0) == 20480);
    std::string expected(20480, '\0');
    expected.replace(0, 4096, page);
    expected.replace(8192, 4097, page + "q");
    expected.replace(16384, 3, "end");
    CHECK(content == expected);
    CHECK(::pwrite(file->get(), "x", 1, 0) < 0);
}
