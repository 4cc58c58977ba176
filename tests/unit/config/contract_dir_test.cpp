// SPDX-License-Identifier: Apache-2.0
// Making a node's directory, changing its keys, loading and saving: contract-protocol.md section
// 15, tests 2 to 6.
#include "hp/config/contract_dir.hpp"

#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "config_fixture.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::test;
namespace fs = std::filesystem;
using config::ContractDir;

namespace {

void write_text(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

Status write_pems(const std::string& key_path, const std::string& cert_path,
                  const std::string& name) {
    write_text(key_path, "key of " + name);
    write_text(cert_path, "certificate of " + name);
    return {};
}

Status refuse(const std::string& /*key_path*/, const std::string& /*cert_path*/,
              const std::string& /*name*/) {
    return fail(Errc::unsupported, "no certificates here");
}

Status forget(const std::string& /*key_path*/, const std::string& /*cert_path*/,
              const std::string& /*name*/) {
    return {};
}

void require_status(const Status& status) {
    INFO((status ? std::string() : status.err().context));
    REQUIRE(status);
}

} // namespace

TEST_CASE("contract_dir is absolute and normal", "[config]") {
    const fs::path here = fs::current_path();
    CHECK(config::contract_dir("/a/b").root == "/a/b");
    CHECK(config::contract_dir("/a/b/").root == "/a/b");
    CHECK(config::contract_dir("/a/./x/../b//").root == "/a/b");
    CHECK(config::contract_dir("node").root == here / "node");
    CHECK(config::contract_dir("./node/").root == here / "node");
    CHECK(config::contract_dir(".").root == here);
    CHECK(config::contract_dir("").root == here);
    CHECK(config::contract_dir("..").root == here.parent_path());
    CHECK(config::contract_dir("/").root == "/");
    CHECK(config::contract_dir("/a").config() == "/a/cfg/hp.cfg");
}

TEST_CASE("create makes the documented tree under any umask", "[config]") {
    for (const mode_t mask : {mode_t{022}, mode_t{077}, mode_t{0}}) {
        INFO("umask " << mask);
        const TempDir temp;
        const ScopedUmask umask(mask);
        const ContractDir dir = config::contract_dir(temp / "node");
        require_status(config::create(dir, &write_pems));

        for (const char* name :
             {"", "cfg", "contract_fs", "contract_fs/seed", "contract_fs/seed/state",
              "contract_fs/mnt", "ledger_fs", "ledger_fs/seed", "ledger_fs/seed/primary",
              "ledger_fs/seed/raw", "ledger_fs/mnt", "log", "log/contract"}) {
            INFO(name);
            CHECK(fs::is_directory(dir.root / name));
            CHECK(mode_of(dir.root / name) == 0755);
        }
        CHECK(mode_of(dir.config()) == 0600);
        CHECK(mode_of(dir.tls_key()) == 0600);
        CHECK(mode_of(dir.tls_cert()) == 0644);
        CHECK(config::config_mode_is_private(dir));
        CHECK(entries_in(temp.path()) == 1);
        CHECK(entries_in(dir.root / "cfg") == 3);

        const auto loaded = config::load(dir);
        REQUIRE(loaded);
        CHECK(loaded->unknown.empty());
        const config::Config& c = loaded->config;
        CHECK(c.contract.id.size() == 36);
        CHECK(c.contract.patch.unl == std::set<PublicKey>{c.node.keys.public_key});
        CHECK(read_text(dir.tls_key()) == "key of " + c.node.keys.public_key.hex());
        config::Config defaults;
        defaults.node.keys = c.node.keys;
        defaults.contract.id = c.contract.id;
        defaults.contract.patch.unl = c.contract.patch.unl;
        CHECK(c == defaults);
    }
}

TEST_CASE("two new directories have different keys and ids", "[config]") {
    const TempDir temp;
    const ContractDir a = config::contract_dir(temp / "a");
    const ContractDir b = config::contract_dir(temp / "b");
    require_status(config::create(a, &write_pems));
    require_status(config::create(b, &write_pems));
    const auto ca = config::load(a);
    const auto cb = config::load(b);
    REQUIRE((ca && cb));
    CHECK(ca->config.contract.id != cb->config.contract.id);
    CHECK(ca->config.node.keys.public_key != cb->config.node.keys.public_key);
}

TEST_CASE("create refuses a name that is taken and changes nothing", "[config]") {
    const TempDir temp;
    const fs::path root = temp / "node";
    const ContractDir dir = config::contract_dir(root);
    SECTION("by an empty directory") {
        fs::create_directory(root);
    }
    SECTION("by a file") {
        write_text(root, "precious");
    }
    SECTION("by a link to nowhere") {
        fs::create_symlink("nowhere", root);
    }
    const Status status = config::create(dir, &write_pems);
    REQUIRE_FALSE(status);
    CHECK(status.err().code == Errc::exists);
    CHECK_THAT(status.err().context, Catch::Contains(root.string()));
    CHECK(entries_in(temp.path()) == 1);
    if (fs::is_directory(root)) {
        CHECK(fs::is_empty(root));
    } else if (fs::is_regular_file(root)) {
        CHECK(read_text(root) == "precious");
    }
}

TEST_CASE("create leaves nothing behind when it fails", "[config]") {
    const TempDir temp;
    const ContractDir dir = config::contract_dir(temp / "node");
    const Status refused = config::create(dir, &refuse);
    REQUIRE_FALSE(refused);
    CHECK(refused.err().code == Errc::unsupported);
    CHECK(refused.err().context == "no certificates here");
    CHECK(fs::is_empty(temp.path()));

    CHECK_FALSE(config::create(dir, &forget)); // claims success without writing the files
    CHECK(fs::is_empty(temp.path()));
}

TEST_CASE("create does not make parents", "[config]") {
    const TempDir temp;
    const Status missing = config::create(config::contract_dir(temp / "no/node"), &write_pems);
    REQUIRE_FALSE(missing);
    CHECK(missing.err().code == Errc::not_found);
    CHECK_THAT(missing.err().context, Catch::Contains((temp / "no").string()));
    write_text(temp / "file", "");
    const Status file = config::create(config::contract_dir(temp / "file/node"), &write_pems);
    REQUIRE_FALSE(file);
    CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("rekey replaces the keys and the UNL entry", "[config]") {
    const TempDir temp;
    const ContractDir dir = config::contract_dir(temp / "node");
    require_status(config::create(dir, &write_pems));
    auto before = config::load(dir);
    REQUIRE(before);
    PublicKey friend_key;
    friend_key.data.fill(3);
    friend_key.data[0] = key_prefix;
    before->config.contract.patch.unl.insert(friend_key);
    require_status(config::save(dir, before->config));

    require_status(config::rekey(dir));
    const auto after = config::load(dir);
    REQUIRE(after);
    CHECK(after->config.node.keys.public_key != before->config.node.keys.public_key);
    CHECK(after->config.contract.patch.unl ==
          std::set<PublicKey>{friend_key, after->config.node.keys.public_key});
    CHECK(mode_of(dir.config()) == 0600);

    // Everything else stays.
    config::Config expected = before->config;
    expected.node.keys = after->config.node.keys;
    expected.contract.patch.unl = after->config.contract.patch.unl;
    CHECK(after->config == expected);
}

TEST_CASE("rekey refuses when the node is not in its UNL", "[config]") {
    const TempDir temp;
    const ContractDir dir = config::contract_dir(temp / "node");
    require_status(config::create(dir, &write_pems));
    auto loaded = config::load(dir);
    REQUIRE(loaded);
    PublicKey friend_key;
    friend_key.data.fill(3);
    friend_key.data[0] = key_prefix;
    loaded->config.contract.patch.unl = {friend_key};
    require_status(config::save(dir, loaded->config));
    const std::string before = read_text(dir.config());

    const Status status = config::rekey(dir);
    REQUIRE_FALSE(status);
    CHECK(status.err().code == Errc::invalid);
    CHECK_THAT(status.err().context, Catch::Contains("contract.unl"));
    CHECK(read_text(dir.config()) == before);
}

TEST_CASE("load lists all problems, one a line", "[config]") {
    const TempDir temp;
    const ContractDir dir = config::contract_dir(temp / "node");
    require_status(config::create(dir, &write_pems));
    auto document = nlohmann::json::parse(read_text(dir.config()));
    document["user"]["port"] = 0;
    document["log"]["log_level"] = "loud";
    write_text(dir.config(), document.dump(4));
    const auto loaded = config::load(dir);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.err().code == Errc::invalid);
    CHECK(loaded.err().context ==
          dir.config().string() +
              " has 2 problems:\n"
              "user.port: must be a whole number 1..65535, is 0\n"
              "log.log_level: must be one of \"dbg\", \"inf\", \"wrn\", \"err\", is \"loud\"");

    write_text(dir.config(), std::string(5 * 1024 * 1024, ' '));
    const auto large = config::load(dir);
    REQUIRE_FALSE(large);
    CHECK(large.err().code == Errc::too_large);

    fs::remove(dir.config());
    const auto missing = config::load(dir);
    REQUIRE_FALSE(missing);
    CHECK(missing.err().code == Errc::not_found);
    CHECK_FALSE(config::config_mode_is_private(dir));
}

TEST_CASE("load passes unknown keys on", "[config]") {
    const TempDir temp;
    const ContractDir dir = config::contract_dir(temp / "node");
    require_status(config::create(dir, &write_pems));
    auto document = nlohmann::json::parse(read_text(dir.config()));
    document["user"]["prot"] = 1;
    write_text(dir.config(), document.dump(4));
    const auto loaded = config::load(dir);
    REQUIRE(loaded);
    CHECK(config::describe(loaded->unknown) == "user.prot: is not known; did you mean \"port\"?");
}

TEST_CASE("save is private, exact and never writes what load refuses", "[config]") {
    const TempDir temp;
    const ContractDir dir = config::contract_dir(temp / "node");
    require_status(config::create(dir, &write_pems));
    ::chmod(dir.config().c_str(), 0644);
    CHECK_FALSE(config::config_mode_is_private(dir));
    auto loaded = config::load(dir);
    REQUIRE(loaded);
    loaded->config.hp_version = "0.6.3";
    loaded->config.user.port = 1234;
    {
        const ScopedUmask umask(0);
        require_status(config::save(dir, loaded->config));
    }
    CHECK(config::config_mode_is_private(dir));
    const auto again = config::load(dir);
    REQUIRE(again);
    CHECK(again->config.user.port == 1234);
    CHECK(again->config.hp_version == hp_version);

    const std::string before = read_text(dir.config());
    config::Config bad = again->config;
    bad.contract.id = "short";
    bad.contract.patch.bin_path = "caf\xe9"; // not UTF-8
    const Status status = config::save(dir, bad);
    REQUIRE_FALSE(status);
    CHECK(status.err().code == Errc::invalid);
    CHECK(read_text(dir.config()) == before);
    CHECK(entries_in(dir.root / "cfg") == 3);
}

TEST_CASE("update changes what is on disk, not what was read before", "[config]") {
    const TempDir temp;
    const ContractDir dir = config::contract_dir(temp / "node");
    require_status(config::create(dir, &write_pems));
    const config::Config known = config::load(dir)->config;
    const auto set_version = [](config::Config& config) { config.contract.patch.version = "9"; };

    config::Config edited = known; // by an operator, while the node runs
    edited.user.port = 1234;
    edited.mesh.known_peers = {{"operator.example", 1}};
    require_status(config::save(dir, edited));
    require_status(config::update(dir, known, set_version));
    auto stored = config::load(dir);
    REQUIRE(stored);
    CHECK(stored->config.user.port == 1234);
    CHECK(stored->config.mesh.known_peers == edited.mesh.known_peers);
    CHECK(stored->config.contract.patch.version == "9");
    CHECK(config::config_mode_is_private(dir));

    // Half edited: not ours to repair, and worth more than our change.
    write_text(dir.config(), "{ \"hp_version\": ");
    const Status refused = config::update(dir, known, set_version);
    REQUIRE_FALSE(refused);
    CHECK(refused.err().code == Errc::invalid);
    CHECK(read_text(dir.config()) == "{ \"hp_version\": ");

    // Its owner may take away its own right to read it, and get it back.
    require_status(config::save(dir, edited));
    ::chmod(dir.config().c_str(), 0);
    require_status(config::update(dir, known, set_version));
    CHECK(config::load(dir)->config.user.port == 1234);
    CHECK(mode_of(dir.config()) == 0600);

    // Gone, and with it the node's key: written anew.
    fs::remove(dir.config());
    require_status(config::update(dir, known, set_version));
    stored = config::load(dir);
    REQUIRE(stored);
    CHECK(stored->config.node.keys.private_key == known.node.keys.private_key);
    CHECK(stored->config.contract.patch.version == "9");
    CHECK(config::config_mode_is_private(dir));
}
