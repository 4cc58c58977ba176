// SPDX-License-Identifier: Apache-2.0
// Clusters found by the folder, sets of their nodes, and who may use development keys where.
#include "cli/args.hpp"
#include "cli/dev_keys.hpp"
#include "cli/keys.hpp"
#include "cli/local_cluster.hpp"
#include "cli/server_address.hpp"
#include "commands.hpp"
#include "temp_dir.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace hp;
using namespace hp::cli;
namespace fs = std::filesystem;

namespace {

std::string node_json(int number, const std::string& role, const std::string& state) {
    const std::string n = std::to_string(number);
    return R"({"number":)" + n + R"(,"name":"n)" + n + R"(","dir":"/x","pid":1,"state":")" + state +
           R"(","public_key":"ed)" + std::string(64, static_cast<char>('0' + number)) +
           R"(","role":")" + role + R"(","user_port":808)" + n +
           R"(,"peer_port":1,"url":"wss://127.0.0.1:808)" + n + R"("})";
}

// Three validators, the second stopped, and an observer.
std::string cluster_json(const std::string& name, long supervisor) {
    return R"({"schema":"hp.cluster/1","name":")" + name +
           R"(","project":"/p","supervisor":{"pid":)" + std::to_string(supervisor) +
           R"(},"control":"/c","dashboard":null,"contract_id":"id-1",)"
           R"("roundtime_ms":500,"threshold":70,"nodes":[)" +
           node_json(1, "validator", "running") + "," + node_json(2, "validator", "stopped") + "," +
           node_json(3, "validator", "running") + "," + node_json(4, "observer", "running") + "]}";
}

// A folder with the clusters "default", which is current and runs, and "old", which does not.
struct Project {
    test::TempDir dir;

    Project() {
        write("default", cluster_json("default", ::getpid()));
        write("old", cluster_json("old", 4'194'304)); // beyond every pid
        fs::create_directory_symlink("clusters/default", dir.path() / ".hp/current");
        fs::create_directories(dir.path() / "src/deep");
    }
    void write(const std::string& name, const std::string& text) const {
        const fs::path folder = dir.path() / ".hp/clusters" / name;
        fs::create_directories(folder);
        std::ofstream(folder / "cluster.json") << text;
    }
};

std::string numbers(const LocalCluster& cluster, const std::string& set) {
    const auto nodes = select_nodes(cluster, set);
    if (!nodes) {
        return std::string(info(nodes.error().id).code);
    }
    std::string out;
    for (const LocalNode& node : *nodes) {
        out += std::to_string(node.number);
    }
    return out;
}

// The command line in that folder, with nothing from outside.
struct Here {
    fs::path before = fs::current_path();

    explicit Here(const fs::path& folder) {
        fs::current_path(folder);
        ::setenv("XDG_CONFIG_HOME", folder.c_str(), 1);
        ::setenv("XDG_DATA_HOME", folder.c_str(), 1);
        ::unsetenv("HP_SERVERS");
        ::unsetenv("HP_CONTEXT");
    }
    ~Here() {
        fs::current_path(before);
        ::unsetenv("XDG_CONFIG_HOME");
        ::unsetenv("XDG_DATA_HOME");
        ::unsetenv("HP_SERVERS");
    }
    Here(const Here&) = delete;
    Here& operator=(const Here&) = delete;

    static tl::expected<Args, Failure> parse(std::vector<const char*> words) {
        words.insert(words.begin(), "hpcli");
        return parse_args(hpcli_program(), static_cast<int>(words.size()), words.data());
    }
    static std::string servers(std::vector<const char*> words) {
        const auto args = parse(std::move(words));
        if (!args) {
            return std::string(info(args.error().id).code);
        }
        std::string out;
        for (const std::string& url : args->connection.servers) {
            out += (out.empty() ? "" : " ") + url.substr(url.rfind(':') + 1);
        }
        return out;
    }
};

} // namespace

TEST_CASE("a cluster is found from the folder upwards", "[cli]") {
    const Project project;
    const auto found = find_cluster(project.dir.path() / "src/deep", std::nullopt);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->name == "default");
    CHECK((*found)->is_running);
    CHECK((*found)->contract_id == "id-1");
    REQUIRE((*found)->nodes.size() == 4);
    CHECK((*found)->nodes[3].role == "observer");
    CHECK((*found)->nodes[3].key->hex() == "ed" + std::string(64, '4'));

    const auto old = require_cluster(project.dir.path(), "old");
    REQUIRE(old);
    CHECK_FALSE(old->is_running); // its supervisor is gone
    const auto missing = require_cluster(project.dir.path() / "src", "none");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().id == ErrorId::no_cluster);
    CHECK(missing.error().hint == "there are: default, old");
    CHECK(find_cluster(project.dir.path(), "../current").error().id == ErrorId::usage);

    const test::TempDir elsewhere;
    CHECK_FALSE(*find_cluster(elsewhere.path(), std::nullopt));
}

TEST_CASE("a cluster file that is not understood is an error, not no cluster", "[cli]") {
    const Project project;
    for (const char* bad :
         {"", "[]", R"({"schema":"hp.cluster/2","name":"default","nodes":[]})",
          R"({"schema":"hp.cluster/1","name":"default"})",
          R"({"schema":"hp.cluster/1","name":"default","nodes":[{"number":0,"url":"ws://h:1"}]})",
          R"({"schema":"hp.cluster/1","name":"default","nodes":[{"number":1,"url":"http://h"}]})",
          R"({"schema":"hp.cluster/1","name":"default","nodes":[7]})"}) {
        INFO(bad);
        project.write("default", bad);
        const auto found = find_cluster(project.dir.path(), std::nullopt);
        REQUIRE_FALSE(found);
        CHECK(found.error().id == ErrorId::bad_file);
    }
    const std::string text = cluster_json("default", ::getpid());
    const std::string pid = "\"pid\":" + std::to_string(::getpid());
    REQUIRE(text.find(pid) != std::string::npos);
    // From before the machine was started anew; of another process with the number.
    for (const char* more : {R"(,"boot_id":"not this one")", R"(,"start_time":1)"}) {
        std::string other = text;
        other.insert(text.find(pid) + pid.size(), more);
        project.write("default", other);
        CHECK_FALSE((*find_cluster(project.dir.path(), std::nullopt))->is_running);
    }
}

TEST_CASE("sets of nodes", "[cli]") {
    const Project project;
    const LocalCluster cluster = **find_cluster(project.dir.path(), std::nullopt);
    CHECK(numbers(cluster, "1") == "1");
    CHECK(numbers(cluster, "3,1") == "31");
    CHECK(numbers(cluster, "2-4") == "234");
    CHECK(numbers(cluster, "2-4,3,1") == "2341");
    CHECK(numbers(cluster, "all") == "1234");
    CHECK(numbers(cluster, "unl") == "123");
    CHECK(numbers(cluster, "observers") == "4");
    CHECK(numbers(cluster, "last") == "4");
    CHECK(numbers(cluster, "n2,last") == "24");
    CHECK(numbers(cluster, "5") == "HPE-9008");
    CHECK(numbers(cluster, "3-5") == "HPE-9008");
    CHECK(numbers(cluster, "x") == "HPE-9008");
    CHECK(numbers(cluster, "1-18446744073709551615") == "HPE-9008");
    CHECK(numbers(cluster, "") == "HPE-2001");
}

TEST_CASE("servers come from option, context, environment, then the cluster", "[cli]") {
    const Project project;
    const Here here(project.dir.path() / "src");
    CHECK(Here::servers({"lcl"}) == "8081 8083 8084 8082"); // running ones first
    CHECK(Here::parse({"lcl"})->connection.cluster == "default");
    CHECK(Here::parse({"lcl"})->connection.contract_id == "id-1");
    CHECK(Here::parse({"lcl", "--contract-id", "x"})->connection.contract_id == "x");
    CHECK(Here::parse({"lcl"})->connection.quorum == Approx(0.7));
    CHECK(Here::parse({"lcl", "--quorum", "0.9"})->connection.quorum == Approx(0.9));
    CHECK(Here::servers({"lcl", "-n", "2,1"}) == "8082 8081");
    CHECK(Here::servers({"lcl", "-n", "9"}) == "HPE-9008");
    CHECK(Here::servers({"lcl", "--cluster", "old"}) == "HPE-7005");
    CHECK(Here::servers({"lcl", "--cluster", "none"}) == "HPE-9007");
    CHECK(Here::servers({"lcl", "-s", "ws://h:1"}) == "1");
    CHECK(Here::servers({"lcl", "-s", "ws://h:1", "-n", "1"}) == "HPE-2001");
    CHECK(Here::servers({"key", "list", "-n", "1"}) == "HPE-2001");
    ::setenv("HP_SERVERS", "ws://h:2", 1);
    CHECK(Here::servers({"lcl"}) == "2");
    CHECK(Here::servers({"lcl", "-n", "1"}) == "8081");
    std::ofstream(project.dir.path() / "src/hotpocket-context") << "";
    fs::create_directories("hotpocket");
    std::ofstream("hotpocket/contexts.json")
        << R"({"current":"c","contexts":{"c":{"servers":["ws://h:3"],"key":"k"}}})";
    CHECK(Here::servers({"lcl"}) == "3");
    CHECK(Here::servers({"lcl", "-n", "1"}) == "8081");
    const auto both = Here::parse({"lcl", "-n", "1", "-c", "c"});
    REQUIRE(both);
    CHECK(both->connection.key == "k");
    CHECK(both->connection.cluster == "default");
}

TEST_CASE("without a cluster that runs there is no server", "[cli]") {
    const Project project;
    project.write("default", cluster_json("default", 4'194'304));
    const Here here(project.dir.path());
    CHECK(Here::servers({"lcl"}) == "HPE-7005");
    const auto send = Here::parse({"send", "x"});
    REQUIRE(send); // it may do without
    CHECK(send->connection.no_server.id == ErrorId::cluster_down);
    fs::remove_all(".hp");
    CHECK(Here::servers({"lcl"}) == "HPE-2002");
}

TEST_CASE("development keys are the same everywhere, and each their own", "[cli]") {
    crypto::init();
    // Recordings and tests of projects hold these: they never change.
    CHECK(dev_key("alice")->public_key.hex() ==
          "edd77d1da22f250e4b0d14b42526aa01276339d3351c34d5f53e500879ecfb7b92");
    CHECK(dev_key("dave")->public_key.hex() ==
          "ed5c26bb3fb49ad86a75608283d2f1179963811d1ff8aabcf0d299e54f40c3d915");
    CHECK(dev_key("dev:bob") == dev_key("bob"));
    CHECK_FALSE(dev_key("bob") == dev_key("carol"));
    CHECK_FALSE(dev_key("eve"));
    CHECK_FALSE(dev_key("dev:"));
    CHECK(dev_key_label(dev_key("carol")->public_key) == "dev:carol");
    CHECK_FALSE(dev_key_label(crypto::make_key_pair().public_key));
}

TEST_CASE("development keys stay on this machine", "[cli]") {
    crypto::init();
    const Project project;
    const Here here(project.dir.path());
    const auto choose = [](std::vector<std::string> servers, const std::string& cluster,
                           const std::string& name) -> std::string {
        Args args;
        args.connection.servers = std::move(servers);
        args.connection.cluster = cluster;
        const auto key = choose_key(args, name, "ephemeral");
        return key ? dev_key_label(key->signer.public_key()).value_or("another")
                   : std::string(info(key.error().id).code);
    };
    CHECK(choose({"wss://127.0.0.1:1"}, "default", "alice") == "dev:alice");
    CHECK(choose({"wss://127.0.0.1:1"}, "", "dev:alice") == "dev:alice");
    CHECK(choose({"wss://127.0.0.1:1"}, "", "alice") == "HPE-9001");
    CHECK(choose({"wss://127.0.0.1:1"}, "default", "eve") == "HPE-9001");
    CHECK(choose({"wss://127.0.0.1:1", "wss://10.0.0.1:1"}, "default", "alice") == "HPE-4007");
    CHECK(choose({"wss://example.org:1"}, "", "dev:alice") == "HPE-4007");
    // Under another name, too.
    const auto store = open_key_store();
    REQUIRE(store->make("mine", std::nullopt, dev_key("bob")));
    CHECK(choose({"wss://[::1]:1"}, "", "mine") == "dev:bob");
    CHECK(choose({"wss://example.org:1"}, "", "mine") == "HPE-4007");
    // A stored key of that name is meant where there is no cluster.
    REQUIRE(store->make("carol"));
    CHECK(choose({"wss://127.0.0.1:1"}, "", "carol") == "another");
    CHECK(choose({"wss://127.0.0.1:1"}, "default", "carol") == "dev:carol");
}

TEST_CASE("addresses of this machine", "[cli]") {
    for (const char* url :
         {"ws://127.0.0.1:1", "wss://127.9.9.9:1/path", "wss://localhost:80", "wss://[::1]:8080"}) {
        INFO(url);
        CHECK(is_loopback(url));
    }
    for (const char* url : {"wss://127.0.0.1.example.org:1", "wss://127.example.org:1",
                            "wss://localhost.evil:1", "wss://10.0.0.1:1", "wss://128.0.0.1:1",
                            "wss://[::2]:1", "wss://example.org:1/127.0.0.1:1", "127.0.0.1:1",
                            "ws://127.0.0.1:1@example.org:2", "ws://[::1]@example.org:2", ""}) {
        INFO(url);
        CHECK_FALSE(is_loopback(url));
    }
}
