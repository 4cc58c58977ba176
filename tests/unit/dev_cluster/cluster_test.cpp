// SPDX-License-Identifier: Apache-2.0
// What clusters of hpdev are described with: the file, sets of nodes, bundles, logs, differences.
#include <catch2/catch.hpp>

#include "cluster/bundle_files.hpp"
#include "cluster/cluster_file.hpp"
#include "cluster/log_tail.hpp"
#include "cluster/node_folder.hpp"
#include "cluster/node_state.hpp"
#include "cluster/places.hpp"
#include "cluster/process_mark.hpp"
#include "commands/log_text.hpp"
#include "json_merge.hpp"

#include <fstream>
#include <unistd.h>

namespace hp::dev {
namespace {

class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "hp_dev_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    void write(const std::string& name, const std::string& content, bool runs = false) const {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name) << content;
        if (runs) {
            fs::permissions(path / name, fs::perms::owner_all);
        }
    }
    fs::path path;
};

Cluster make_cluster(unsigned validators, unsigned observers) {
    Cluster out;
    out.name = "test";
    out.dir = "/somewhere/.hp/clusters/test";
    out.threshold = 80;
    out.roundtime_ms = 500;
    for (unsigned i = 1; i <= validators + observers; ++i) {
        ClusterNode node;
        node.number = i;
        node.dir = out.dir / ("node" + std::to_string(i));
        node.public_key.data[0] = key_prefix;
        node.observer = i > validators;
        out.nodes.push_back(node);
    }
    return out;
}

TEST_CASE("cluster.json is read as it was written, and strictly", "[dev]") {
    Cluster cluster = make_cluster(2, 1);
    cluster.supervisor = mark_of(::getpid());
    cluster.dashboard = "http://127.0.0.1:1/";
    cluster.nodes[1].state = NodeState::failed;
    cluster.nodes[1].end = NodeEnd{"exit code 3", 5, {"a line"}};
    cluster.nodes[0].state = NodeState::paused;
    cluster.nodes[0].process = cluster.supervisor;
    const std::string text = dump_json(to_json(cluster));
    const auto read = decode_cluster(cluster.dir, text);
    REQUIRE(read);
    CHECK(dump_json(to_json(*read)) == text);
    CHECK(read->is_running());
    CHECK(read->find(3)->observer);
    CHECK(read->find(4) == nullptr);

    for (const char* path : {"/schema", "/nodes/0/state", "/nodes/0/public_key", "/nodes/0/dir",
                             "/nodes/0/user_port", "/supervisor/pid", "/name"}) {
        INFO(path);
        Json bad = to_json(cluster);
        bad[Json::json_pointer(path)] = Json::array({1});
        const auto refused = decode_cluster(cluster.dir, dump_json(bad));
        REQUIRE(!refused);
        CHECK(refused.error().id == cli::ErrorId::bad_file);
    }
    CHECK(!decode_cluster(cluster.dir, "[]"));
    CHECK(!decode_cluster(cluster.dir, ""));
}

TEST_CASE("a process is known by more than its number", "[dev]") {
    ProcessMark mark = mark_of(::getpid());
    CHECK(is_alive(mark));
    mark.start_time += 1;
    CHECK(!is_alive(mark));
    mark = mark_of(::getpid());
    mark.boot_id = "another";
    CHECK(!is_alive(mark));
    CHECK(!is_alive({}));
}

TEST_CASE("sets of nodes", "[dev]") {
    const Cluster cluster = make_cluster(3, 2);
    using Numbers = std::vector<unsigned>;
    CHECK(*parse_nodes(cluster, "2") == Numbers{2});
    CHECK(*parse_nodes(cluster, "n3,1") == Numbers{1, 3});
    CHECK(*parse_nodes(cluster, "2-4") == Numbers{2, 3, 4});
    CHECK(*parse_nodes(cluster, "all") == Numbers{1, 2, 3, 4, 5});
    CHECK(*parse_nodes(cluster, "unl") == Numbers{1, 2, 3});
    CHECK(*parse_nodes(cluster, "observers,1") == Numbers{1, 4, 5});
    CHECK(*parse_nodes(cluster, "last") == Numbers{5});
    CHECK(parse_nodes(cluster, "6").error().id == cli::ErrorId::no_node);
    CHECK(parse_nodes(cluster, "").error().id == cli::ErrorId::no_node);
    for (const char* text : {"0", "3-2", "x", "1-", "-1", "1..2"}) {
        INFO(text);
        CHECK(parse_nodes(cluster, text).error().id == cli::ErrorId::usage);
    }
}

TEST_CASE("how many may fail", "[dev]") {
    CHECK(quorum_of(3, 80) == 3);
    CHECK(quorum_of(4, 80) == 4);
    CHECK(quorum_of(5, 80) == 4);
    CHECK(quorum_of(4, 30) == 3); // never less than a majority
    CHECK(tolerance_text(3, 80) == "3 nodes at 80 %: tolerates 0 failures");
    CHECK(tolerance_text(5, 80) == "5 nodes at 80 %: tolerates 1 failure");
    CHECK(tolerance_text(1, 80) == "1 node at 80 %: tolerates 0 failures");
}

TEST_CASE("names of clusters cannot lead elsewhere", "[dev]") {
    for (const char* good : {"default", "a", "2nd", "a-b_c"}) {
        CHECK(is_cluster_name(good));
    }
    for (const char* bad :
         {"", "..", "a/b", "-a", "A", ".x", "aaaaaaaaaabbbbbbbbbbccccccccccddd"}) {
        CHECK(!is_cluster_name(bad));
    }
}

TEST_CASE("settings of one node", "[dev]") {
    const auto setting = parse_node_setting("2:log.log_level=dbg");
    REQUIRE(setting);
    CHECK(setting->node == 2);
    CHECK(setting->key == "log.log_level");
    CHECK(setting->value == "dbg");
    CHECK(parse_node_setting("1:user.idle_timeout=5")->value == 5);
    for (const char* bad : {"log.x=1", "0:a=1", "2:a", "2:=1", "2:contract.unl=[]",
                            "2:contract.consensus.roundtime=1", "2:contract=1"}) {
        INFO(bad);
        CHECK(!parse_node_setting(bad));
    }
    CHECK(parse_node_setting("2:contract.log.enable=true"));
    Json config = {{"a", {{"b", 1}}}};
    set_key(config, "a.c.d", 2);
    CHECK(dump_json(config) == R"({"a":{"b":1,"c":{"d":2}}})");
    CHECK(*find_key(config, "a.c.d") == 2);
    CHECK(find_key(config, "a.b.c") == nullptr);
}

TEST_CASE("a bundle is copied with what lies beside the state", "[dev]") {
    const Folder folder;
    folder.write("bundle/run", "program", true);
    folder.write("bundle/data/x", "1");
    folder.write("bundle/disparate/2/key", "secret");
    const auto bundle = folder.path / "bundle";
    REQUIRE(copy_bundle(bundle, folder.path / "one"));
    CHECK((*read_override(folder.path / "one"))["contract"]["bin_path"] == "run");
    REQUIRE(seed_node(folder.path / "one", 2, folder.path / "seed2"));
    REQUIRE(seed_node(folder.path / "one", 1, folder.path / "seed1"));
    CHECK(fs::exists(folder.path / "seed2/state/data/x"));
    CHECK(fs::exists(folder.path / "seed2/key"));
    CHECK(!fs::exists(folder.path / "seed1/key"));
    CHECK(!fs::exists(folder.path / "seed1/state/disparate"));

    folder.write("bundle/data/x", "2");
    folder.write("bundle/new", "");
    fs::permissions(bundle / "run", fs::perms::owner_read);
    CHECK(copy_bundle(bundle, folder.path / "two").error().id == cli::ErrorId::bad_bundle);
    folder.write("bundle/hp.cfg.override", R"({"contract":{"bin_path":"x"},"log":[1]})");
    REQUIRE(copy_bundle(bundle, folder.path / "three"));
    const auto changes = compare_copies(folder.path / "one", folder.path / "three");
    REQUIRE(changes);
    std::string found;
    for (const FileChange& change : *changes) {
        found += change.path + " " + change.change + "\n";
    }
    CHECK(found == "data/x changed\nnew new\nrun changed\n");
    folder.write("bundle/hp.cfg.override", "[1]");
    CHECK(copy_bundle(bundle, folder.path / "four").error().id == cli::ErrorId::bad_file);
    CHECK(!check_bundle(folder.path / "nowhere"));
}

TEST_CASE("objects are merged, lists replaced", "[dev]") {
    Json into = {{"a", {{"b", 1}, {"c", {1, 2}}}}, {"d", 1}};
    merge_json(into, {{"a", {{"c", {3}}}}, {"d", {{"e", 2}}}});
    CHECK(dump_json(into) == R"({"a":{"b":1,"c":[3]},"d":{"e":2}})");
}

TEST_CASE("where contents differ first", "[dev]") {
    auto found =
        compare_contents(R"({"rows":[{"id":1},{"id":2}]})", R"({"rows":[{"id":1},{"id":3}]})");
    CHECK(found.json_path == "$.rows[1].id");
    CHECK(found.offset == 24);
    CHECK(compare_contents(R"({"a":1})", R"({"a":1,"b":2})").json_path == "$.b");
    CHECK(compare_contents("[1]", "[1,2]").json_path == "$[1]");
    found = compare_contents("plain\x01", "plain\x02x");
    CHECK(found.json_path.empty());
    CHECK(found.offset == 5);
    CHECK(found.second == "plain?x");
}

TEST_CASE("logs are followed through rotation", "[dev]") {
    const Folder folder;
    const fs::path path = folder.path / "hp.log";
    folder.write("hp.log", "one\ntwo\nthr");
    CHECK(tail_of(path, 2) == std::vector<std::string>{"two", "thr"});
    CHECK(tail_of(folder.path / "none", 2).empty());
    LogFollower follower(path);
    CHECK(follower.read_new().empty());
    std::ofstream(path, std::ios::app) << "ee\nfour\n";
    CHECK(follower.read_new() == std::vector<std::string>{"ee", "four"});
    fs::rename(path, folder.path / "hp.1.log");
    folder.write("hp.log", "five\n");
    CHECK(follower.read_new() == std::vector<std::string>{"five"});
}

TEST_CASE("a line of a log cannot steer a terminal", "[dev]") {
    const LogRecord record{2, "core", "inf", "node", "20260203 04:05:06.789", "a\x1b[31m\nb", {}};
    CHECK(log_line(record, true) == "n2│ 04:05:06.789 inf node  a?[31m\nn2│ b\n");
}

} // namespace
} // namespace hp::dev
