// SPDX-License-Identifier: Apache-2.0
// Orders to nodes of development clusters, bad links, and bundles that get into the state.
#include "node/dev_orders.hpp"

#include <fstream>

#include <catch2/catch.hpp>

#include "hp/config/config_io.hpp"
#include "hp/os/files.hpp"
#include "node/dev_deploy.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::node;

namespace {

namespace fs = std::filesystem;

const std::string key_hex = "ed" + std::string(64, '1');

std::string problem_of(const std::string& line) {
    const auto order = decode_dev_order(line);
    return order ? "" : order.err().context;
}

void put_below(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

std::string content(const fs::path& path) {
    const auto bytes = os::read_file(path, 1 << 20);
    return bytes ? to_text(*bytes) : "<" + bytes.err().context + ">";
}

PublicKey some_key() {
    return *parse_public_key_hex(key_hex);
}

std::size_t copies(LinkFaults& faults, int messages) {
    std::size_t out = 0;
    for (int i = 0; i < messages; ++i) {
        out += faults.departures(some_key(), Lane::votes, 100, 0).size();
    }
    return out;
}

} // namespace

TEST_CASE("orders are read as they are documented", "[dev]") {
    const auto deploy =
        decode_dev_order(R"({"command":"dev.deploy","at":7,"bundle":"/b","remove":["a/b"],)"
                         R"("patch":{"version":"2"}})");
    REQUIRE(deploy);
    const auto& order = std::get<DeployOrder>(*deploy);
    CHECK(order.at == 7);
    CHECK(order.remove == std::vector<std::string>{"a/b"});
    CHECK(order.decision.empty());
    CHECK(decode_deploys(as_bytes(encode_deploys({order}))).value() == std::vector{order});
    const auto decided =
        decode_dev_order(R"({"command":"dev.deploy","at":7,"bundle":"/b","decision":"/d"})");
    REQUIRE(decided);
    const auto& waits = std::get<DeployOrder>(*decided);
    CHECK(waits.decision == "/d");
    CHECK(decode_deploys(as_bytes(encode_deploys({waits}))).value() == std::vector{waits});

    const auto faults = decode_dev_order(R"({"command":"dev.faults","links":[{"peer":")" + key_hex +
                                         R"(","latency_ms":9,"loss":0.5,"lane":"bulk"}],)"
                                         R"("contract":"slow","slow_ms":900,"disk":"full"})");
    REQUIRE(faults);
    const auto& wanted = std::get<FaultOrder>(*faults);
    CHECK(wanted.contract == ContractFault::slow);
    CHECK(wanted.slow_ms == 900);
    CHECK(wanted.disk_full);
    REQUIRE(wanted.links.size() == 1);
    CHECK(wanted.links[0].latency_ms == 9);
    CHECK(wanted.links[0].lane == Lane::bulk);
}

TEST_CASE("an order that is not understood completely is refused", "[dev]") {
    const std::string deploy = R"({"command":"dev.deploy",)";
    CHECK(problem_of("no JSON") == "an order is one JSON object");
    CHECK(problem_of("{}") == "\"command\": dev.deploy or dev.faults is expected");
    CHECK(problem_of(deploy + R"("bundle":"/b"})") == "\"at\": a ledger is expected");
    CHECK(problem_of(deploy + R"("at":1,"bundle":"b"})") ==
          "\"bundle\": an absolute path is expected");
    for (const char* path : {"../x", "/x", "", "a/../b"}) {
        INFO(path);
        CHECK(problem_of(deploy + R"("at":1,"bundle":"/b","remove":[")" + path + R"("]})") ==
              "\"remove\": a path below the state is expected");
    }
    CHECK(problem_of(deploy + R"("at":1,"bundle":"/b","decision":"d"})") ==
          "\"decision\": an absolute path is expected");
    CHECK(problem_of(deploy + R"("at":1,"bundle":"/b","more":1})") == "\"more\" is not known");
    CHECK(problem_of(R"({"command":"dev.faults","disk":"wet"})") == "\"disk\": full is expected");
    CHECK(problem_of(R"({"command":"dev.faults","links":[{"peer":"x"}]})") ==
          "\"peer\": a node's key is expected");
    CHECK(problem_of(R"({"command":"dev.faults","contract":"sing"})") ==
          "\"contract\": crash, hang, slow or differ is expected");
    CHECK(problem_of(R"({"command":"dev.faults","links":[{"peer":")" + key_hex +
                     R"(","loss":2}]})") == "\"loss\": a share from 0 to 1 is expected");
}

TEST_CASE("a bundle takes its place in the state", "[dev]") {
    test::TempDir temp;
    const fs::path bundle = temp.path() / "bundle";
    const fs::path state = temp.path() / "state";
    const fs::path patch = temp.path() / "patch.cfg";
    put_below(bundle / "bin/program", "new");
    fs::permissions(bundle / "bin/program", fs::perms::owner_all);
    put_below(bundle / "data", "data");
    put_below(state / "bin/program", "old");
    put_below(state / "gone/file", "x");
    put_below(state / "kept", "kept");
    fs::create_symlink(temp.path() / "elsewhere", state / "data"); // a contract's trap
    config::Patch before;
    before.version = "1.0";
    before.unl = {some_key()};
    before.bin_path = "bin/program";
    put_below(patch, config::encode_patch(before));

    const DeployOrder order{3, bundle, {"gone"}, R"({"version":"2.0"})"};
    const Status deployed = apply_deploy(order, state, patch);
    INFO((deployed ? "" : deployed.err().context));
    REQUIRE(deployed);
    CHECK(content(state / "bin/program") == "new");
    CHECK((fs::status(state / "bin/program").permissions() & fs::perms::others_exec) !=
          fs::perms::none);
    CHECK(content(state / "data") == "data");
    CHECK_FALSE(fs::exists(temp.path() / "elsewhere"));
    CHECK_FALSE(fs::exists(state / "gone"));
    CHECK(content(state / "kept") == "kept");
    config::Patch after = before;
    after.version = "2.0";
    CHECK(content(patch) == config::encode_patch(after));

    CHECK(apply_deploy({3, bundle / "none", {}, ""}, state, patch).err().code == Errc::invalid);
    const DeployOrder wrong{3, bundle, {}, R"({"version":5})"};
    CHECK(apply_deploy(wrong, state, patch).err().code == Errc::invalid);
}

TEST_CASE("links are as bad as they are told to be", "[dev]") {
    LinkFault fault{some_key()};
    LinkFaults none;
    CHECK(none.departures(some_key(), Lane::votes, 100, 5) == std::vector<std::int64_t>{5});

    fault.latency_ms = 20;
    LinkFaults slow({fault}, 1);
    CHECK(slow.departures(some_key(), Lane::votes, 100, 5) == std::vector<std::int64_t>{20'005});
    CHECK(slow.departures(PublicKey(), Lane::votes, 100, 5) == std::vector<std::int64_t>{5});

    fault.jitter_ms = 50;
    LinkFaults jittery({fault}, 1);
    std::int64_t last = 0;
    for (int i = 0; i < 100; ++i) { // in order all the same
        const auto at = jittery.departures(some_key(), Lane::bulk, 100, i).front();
        CHECK(at >= std::max<std::int64_t>(last, 20'000));
        last = at;
    }

    LinkFaults lossy({LinkFault{.peer = some_key(), .loss = 0.25}}, 1);
    CHECK(copies(lossy, 4000) > 2800);
    CHECK(copies(lossy, 4000) < 3200);
    LinkFaults same_seed({LinkFault{.peer = some_key(), .loss = 0.25}}, 1);
    LinkFaults again({LinkFault{.peer = some_key(), .loss = 0.25}}, 1);
    CHECK(copies(same_seed, 500) == copies(again, 500));
    LinkFaults doubling({LinkFault{.peer = some_key(), .duplicate = 1}}, 1);
    CHECK(copies(doubling, 10) == 20);

    LinkFaults narrow({LinkFault{.peer = some_key(), .bytes_per_second = 1000}}, 1);
    CHECK(narrow.departures(some_key(), Lane::bulk, 100, 0).front() == 100'000);
    CHECK(narrow.departures(some_key(), Lane::bulk, 100, 0).front() == 200'000);

    LinkFaults cut({LinkFault{.peer = some_key(), .blocked = true}}, 1);
    CHECK(cut.blocks(some_key()));
    CHECK(copies(cut, 10) == 0);
    LinkFaults one_lane({LinkFault{.peer = some_key(), .blocked = true, .lane = Lane::inputs}}, 1);
    CHECK_FALSE(one_lane.blocks(some_key()));
    CHECK(copies(one_lane, 10) == 10);
}
