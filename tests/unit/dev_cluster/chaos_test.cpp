// SPDX-License-Identifier: Apache-2.0
// Faults as lines, what nodes are told of them, and what must come of them by the rules of
// agreement.
#include <catch2/catch.hpp>

#include "chaos/chaos_control.hpp"
#include "chaos/prediction.hpp"
#include "cli/script.hpp"

namespace hp::dev {
namespace {

Cluster running(unsigned validators, std::uint32_t threshold, unsigned observers = 0) {
    Cluster out;
    out.threshold = threshold;
    out.roundtime_ms = 500;
    for (unsigned i = 1; i <= validators + observers; ++i) {
        ClusterNode node;
        node.number = i;
        node.public_key.data[0] = key_prefix;
        node.public_key.data[1] = static_cast<std::uint8_t>(i);
        node.observer = i > validators;
        node.state = NodeState::running;
        out.nodes.push_back(node);
    }
    return out;
}

ClusterFault fault_of(const Cluster& cluster, const std::string& line) {
    INFO(line);
    const auto fault = parse_fault(cluster, *cli::split_words(line));
    REQUIRE(fault);
    return *fault;
}

Prediction predicted(const Cluster& cluster, const std::vector<std::string>& lines) {
    std::vector<ClusterFault> faults;
    for (const std::string& line : lines) {
        faults = with_fault(faults, fault_of(cluster, line));
    }
    return predict(cluster, faults);
}

std::string problem_of(const Cluster& cluster, const std::string& line) {
    const auto fault = parse_fault(cluster, *cli::split_words(line));
    return fault ? "" : fault.error().message;
}

TEST_CASE("a fault is what its line says, and back", "[dev]") {
    const Cluster cluster = running(4, 75);
    for (const char* line :
         {"link 1,2 latency=120ms jitter=30ms loss=5% duplicate=1% rate=1048576 only=votes",
          "link 1 2,3 latency=5ms oneway", "partition 1,2 / 3,4", "kill 3", "pause 1,2",
          "disk 2 full", "contract 2 crash", "contract 2 hang", "contract 4 differ",
          "contract 1,2,3,4 slow=900ms"}) {
        CHECK(fault_text(fault_of(cluster, line)) == line);
    }
    CHECK(fault_text(fault_of(cluster, "partition 1-2|3|4")) == "partition 1,2 / 3 / 4");
    CHECK(fault_text(fault_of(cluster, "partition last")) == "partition 4 / 1,2,3");
    CHECK(fault_text(fault_of(cluster, "link all loss=0.5 rate=64KiB/s")) ==
          "link 1,2,3,4 loss=50% rate=65536");
}

TEST_CASE("what is no fault is refused with a reason", "[dev]") {
    const Cluster cluster = running(4, 75);
    CHECK(problem_of(cluster, "sing 1") == "\"sing\" is no fault");
    CHECK(problem_of(cluster, "kill") == "kill which nodes?");
    CHECK(problem_of(cluster, "partition 1,2 / 2,3") == "n2 cannot be on two sides");
    CHECK(problem_of(cluster, "partition all") ==
          "a partition of all nodes has two sides at least");
    for (const char* line :
         {"link 1,2", "link latency=5ms", "link 1 latency=5ms oneway", "link 1 loss=120%",
          "link 1 latency=2h", "link 1 only=talk", "link 1 2 3 loss=1%", "disk 1", "disk 1 half",
          "contract 1", "contract 1 slow", "contract 1 crash=1s", "contract 1 sing", "kill 1 2",
          "partition 1 /", "pause 9"}) {
        INFO(line);
        CHECK_FALSE(problem_of(cluster, line).empty());
    }
    CHECK(check_fault_words({"partition", "1,2,3", "/", "17"}));
    CHECK_FALSE(check_fault_words({"partition", "1,2,3", "/"}));
}

TEST_CASE("nodes are told what concerns them", "[dev]") {
    const Cluster cluster = running(3, 66);
    const std::vector<ClusterFault> faults = {
        fault_of(cluster, "partition 1 / 2,3"), fault_of(cluster, "link 2 3 latency=9ms oneway"),
        fault_of(cluster, "contract 2 slow=70ms"), fault_of(cluster, "disk 3 full")};
    const Json first = fault_order(cluster, faults, cluster.nodes[0]);
    CHECK(first["links"].size() == 2);
    CHECK(first["links"][0]["blocked"] == true);
    CHECK_FALSE(first.contains("contract"));
    const Json second = fault_order(cluster, faults, cluster.nodes[1]);
    REQUIRE(second["links"].size() == 2);
    CHECK(second["links"][0]["peer"] == cluster.nodes[0].public_key.hex());
    CHECK(second["links"][1]["peer"] == cluster.nodes[2].public_key.hex());
    CHECK(second["links"][1]["latency_ms"] == 9);
    CHECK(second["contract"] == "slow");
    CHECK(second["slow_ms"] == 70);
    const Json third = fault_order(cluster, faults, cluster.nodes[2]);
    CHECK(third["links"].size() == 1); // the other direction is as it was
    CHECK(third["disk"] == "full");
    CHECK(fault_order(cluster, {}, cluster.nodes[0])["links"].empty());
}

TEST_CASE("a fault of the same thing takes the earlier one's place", "[dev]") {
    const Cluster cluster = running(4, 75);
    std::vector<ClusterFault> faults = {fault_of(cluster, "partition 1 / 2,3,4"),
                                        fault_of(cluster, "contract 1,2 crash"),
                                        fault_of(cluster, "link all latency=1ms")};
    faults = with_fault(faults, fault_of(cluster, "partition 4"));
    faults = with_fault(faults, fault_of(cluster, "contract 2,3 hang"));
    faults = with_fault(faults, fault_of(cluster, "link all latency=2ms"));
    std::vector<std::string> lines;
    for (const ClusterFault& fault : faults) {
        lines.push_back(fault_text(fault));
    }
    CHECK(lines == std::vector<std::string>{"contract 1 crash", "link 1,2,3,4 latency=1ms",
                                            "partition 4 / 1,2,3", "contract 2,3 hang",
                                            "link 1,2,3,4 latency=2ms"});
}

TEST_CASE("a side with a quorum goes on, others wait", "[dev]") {
    const Prediction halves = predicted(running(4, 75), {"partition 1,2 / 3,4"});
    CHECK(halves.quorum == 3);
    REQUIRE(halves.sides.size() == 2);
    CHECK_FALSE(halves.sides[0].closes);
    CHECK_FALSE(halves.sides[1].closes);
    CHECK(prediction_text(halves) ==
          "n=4, threshold 75 %: quorum 3. n1, n2: 2 of the 3 needed, no ledger closes until this "
          "is undone. n3, n4: 2 of the 3 needed, no ledger closes until this is undone.");
    const Prediction most = predicted(running(5, 80, 1), {"partition 5,6"});
    REQUIRE(most.sides.size() == 2);
    CHECK(most.sides[0].voters == 1); // the observer has no vote
    CHECK_FALSE(most.sides[0].closes);
    CHECK(most.sides[1].closes);
    // 4 nodes at 80 % tolerate nobody's absence.
    CHECK_FALSE(predicted(running(4, 80), {"kill 2"}).sides.front().closes);
    CHECK(predicted(running(4, 80, 1), {"pause 5"}).sides.front().closes);
}

TEST_CASE("all faults count together, and nodes that were down before", "[dev]") {
    Cluster cluster = running(5, 80);
    CHECK(predicted(cluster, {"pause 1"}).sides.front().closes);
    CHECK_FALSE(predicted(cluster, {"pause 1", "kill 2"}).sides.front().closes);
    cluster.nodes[4].state = NodeState::stopped;
    const Prediction out = predicted(cluster, {"pause 1"});
    CHECK(out.stopped == std::vector<unsigned>{5});
    CHECK(out.paused == std::vector<unsigned>{1});
    CHECK_FALSE(out.sides.front().closes);
    const Prediction disk = predicted(running(4, 75), {"disk 2 full"});
    CHECK(disk.dying == std::vector<unsigned>{2});
    CHECK(disk.dying_surely);
    CHECK(disk.sides.front().closes);
    CHECK_FALSE(predicted(cluster, {"disk 2 full", "kill 1"}).dying_surely);
}

TEST_CASE("results that differ: certified, plurality, void", "[dev]") {
    const Cluster cluster = running(4, 75);
    const Prediction one = predicted(cluster, {"contract 4 differ"});
    CHECK(one.odd == std::vector<unsigned>{4});
    CHECK((one.sides.front().closes && one.sides.front().certified));
    // Two equal states of four at quorum 3: more than n - q = 1, so the state counts.
    const Prediction two = predicted(cluster, {"contract 3,4 differ"});
    CHECK((two.sides.front().closes && !two.sides.front().certified));
    CHECK(two.sides.front().keeps_state);
    CHECK(two.odd.empty());
    const Prediction three = predicted(cluster, {"contract 2-4 differ"});
    CHECK((three.sides.front().closes && !three.sides.front().keeps_state));
    // Where all crash they do so alike.
    CHECK(predicted(cluster, {"contract all crash"}).sides.front().certified);
    // Two against two: no state has more than any other.
    CHECK_FALSE(predicted(cluster, {"contract 1,2 crash"}).sides.front().keeps_state);
}

TEST_CASE("runs that do not end, and slow ones", "[dev]") {
    const Cluster cluster = running(4, 75);
    const Prediction one = predicted(cluster, {"contract 1 hang"});
    CHECK(one.sides.front().closes);
    CHECK(one.hung == std::vector<unsigned>{1});
    const Prediction two = predicted(cluster, {"contract 1,2 hang"});
    CHECK((two.sides.front().hangs && !two.sides.front().closes));
    CHECK(predicted(cluster, {"contract 1 slow=900ms"}).sides.front().ledger_ms == 0);
    CHECK(predicted(cluster, {"contract 1,2 slow=900ms"}).sides.front().ledger_ms == 900);
}

TEST_CASE("links make it slow; some are beyond prediction", "[dev]") {
    const Cluster cluster = running(4, 75);
    const Prediction slow = predicted(cluster, {"link all latency=100ms jitter=20ms loss=5%"});
    CHECK(slow.doubt.empty());
    CHECK(slow.delay_ms == 120);
    CHECK(slow.sides.front().closes);
    for (const char* line : {"link all loss=60%", "link 1 rate=1000", "link 1 latency=30s"}) {
        INFO(line);
        CHECK_FALSE(predicted(cluster, {line}).doubt.empty());
    }
}

} // namespace
} // namespace hp::dev
