// SPDX-License-Identifier: Apache-2.0
// The configuration in force, patch.cfg and hp.cfg through agreements, edits by an operator and
// restarts: contract-protocol.md section 5, with a real directory and a real state store.
#include "node/agreed_config.hpp"

#include <fstream>

#include <catch2/catch.hpp>

#include "state/tree_hash.hpp"
#include "temp_dir.hpp"

using namespace hp;
using node::AgreedConfig;
using node::AgreedHash;
namespace fs = std::filesystem;

namespace {

void require_ok(const Status& status) {
    INFO((status ? std::string() : status.err().context));
    REQUIRE(status);
}

// A node's directory, with what of the node deals with configurations, from start to start.
class Place {
public:
    Place() : dir_(config::contract_dir(temp_ / "node")) {
        require_ok(config::create(dir_, &make_files));
        start();
    }

    void start() {
        agreed_.reset();
        store_.reset();
        auto store = state::open_store(dir_.contract_fs(), Log());
        REQUIRE(store);
        store_ = std::move(*store);
        REQUIRE(store_->recover(seq_));
        auto loaded = config::load(dir_);
        INFO((loaded ? std::string() : loaded.err().context));
        REQUIRE(loaded);
        agreed_ = std::make_unique<AgreedConfig>(dir_, std::move(loaded->config), Log());
        const auto head = seq_ == 0 ? std::nullopt : std::optional(AgreedHash{seq_, head_});
        require_ok(agreed_->at_start(*store_, head, in_force_text_));
    }

    // The contract writes patch.cfg in the run of the next ledger; true when the ledger after that
    // puts a new configuration in force.
    bool change_patch(const std::string& text) {
        run(text);
        return agree();
    }

    void run(const std::string& text) {
        std::ofstream(store_->live_patch_file(), std::ios::binary) << text;
        state::CaptureStats stats;
        REQUIRE(store_->capture(stats));
        REQUIRE(store_->commit(++seq_, {}));
        REQUIRE(store_->apply_pending());
        agreed_->pending(store_->roots().config, *store_->patch_content());
    }

    bool agree() {
        head_ = store_->roots().config;
        in_force_text_ = *store_->patch_content();
        const auto changed = agreed_->decided({++seq_, head_});
        INFO((changed ? std::string() : changed.err().context));
        REQUIRE(changed);
        CHECK(*changed != AgreedConfig::Outcome::unknown);
        CHECK(agreed_->hash_in_force() == head_);
        return *changed == AgreedConfig::Outcome::changed;
    }

    const config::Config& in_force() const { return agreed_->config(); }
    AgreedConfig& agreed() { return *agreed_; }
    const config::ContractDir& dir() const { return dir_; }
    config::Config stored() const {
        auto loaded = config::load(dir_);
        REQUIRE(loaded);
        return loaded->config;
    }
    std::string patch_text() const { return to_text(*store_->patch_content()); }
    void edit(const std::function<void(config::Config&)>& change) const {
        config::Config config = stored();
        change(config);
        require_ok(config::save(dir_, config));
    }
    void write_config(const std::string& text) const {
        std::ofstream(dir_.config(), std::ios::binary) << text;
    }
    std::string read_config() const {
        std::ifstream in(dir_.config(), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    // A ledger that agreed on what was in force before.
    AgreedConfig::Outcome agree_on_old() {
        const auto changed = agreed_->decided({++seq_, head_});
        REQUIRE(changed);
        return *changed;
    }

    // As a member of a cluster, with `version` in force and a ledger that says so.
    void join_others(const std::string& version) {
        config::Patch patch = in_force().contract.patch;
        patch.version = version;
        for (const std::uint8_t fill : {std::uint8_t{1}, std::uint8_t{2}}) {
            PublicKey other;
            other.data.fill(fill);
            other.data[0] = key_prefix;
            patch.unl.insert(other);
        }
        CHECK(change_patch(config::encode_patch(patch)));
    }

    LedgerSeq next_run() const { return seq_ + 1; }

    std::string patch_with(const std::string& version) const {
        config::Patch patch = in_force().contract.patch;
        patch.version = version;
        return config::encode_patch(patch);
    }

private:
    static Status make_files(const std::string& key, const std::string& cert,
                             const std::string& /*name*/) {
        std::ofstream(key) << "key";
        std::ofstream(cert) << "certificate";
        return {};
    }

    test::TempDir temp_;
    config::ContractDir dir_;
    std::unique_ptr<state::Store> store_;
    std::unique_ptr<AgreedConfig> agreed_;
    LedgerSeq seq_ = 0;
    Hash32 head_;
    std::optional<Bytes> in_force_text_; // of head_
};

void edit_version(Place& node, const std::string& version) {
    node.edit([&](config::Config& config) { config.contract.patch.version = version; });
    node.start();
}

} // namespace

TEST_CASE("an agreed patch.cfg is in force, in hp.cfg, and stays", "[node]") {
    Place node;
    const std::string text = node.patch_with("2.0");
    node.run(text);
    CHECK(node.in_force().contract.patch.version == "1.0"); // not agreed yet
    CHECK(node.stored().contract.patch.version == "1.0");
    CHECK(node.agree());
    CHECK(node.in_force().contract.patch.version == "2.0");
    CHECK(node.stored().contract.patch.version == "2.0");
    for (int i = 0; i < 2; ++i) {
        node.start();
        CHECK(node.patch_text() == text);
        CHECK(node.in_force().contract.patch.version == "2.0");
    }
}

TEST_CASE("what an operator edits while the node runs is not lost", "[node]") {
    Place node;
    node.edit([](config::Config& config) {
        config.user.port = 1234;
        config.contract.patch.bin_args = "of the operator";
    });
    CHECK(node.change_patch(node.patch_with("2.0")));
    CHECK(node.stored().user.port == 1234);
    CHECK(node.stored().contract.patch.version == "2.0");
    // The agreed part is agreed on: an edit of it counts from the start after it was made.
    CHECK(node.stored().contract.patch.bin_args.empty());
    CHECK(node.in_force().user.port != 1234);
    node.start();
    CHECK(node.in_force().user.port == 1234);
    CHECK(node.in_force().contract.patch.version == "2.0");
}

TEST_CASE("a half edited hp.cfg is left alone, and nothing that was agreed on is lost", "[node]") {
    Place node;
    const std::string good = node.read_config();
    node.write_config("{ half");
    CHECK(node.change_patch(node.patch_with("2.0")));
    CHECK(node.in_force().contract.patch.version == "2.0");
    CHECK(node.read_config() == "{ half");
    node.write_config(good); // the operator is done, and wrote the old agreed part
    node.start();
    CHECK(node.in_force().contract.patch.version == "2.0");
    CHECK(node.stored().contract.patch.version == "2.0");
    CHECK(node.patch_text() == node.patch_with("2.0"));
}

TEST_CASE("a deleted hp.cfg is written anew with the next agreement", "[node]") {
    Place node;
    const auto key = node.in_force().node.keys.private_key;
    fs::remove(node.dir().config());
    CHECK(node.change_patch(node.patch_with("2.0")));
    CHECK(node.stored().node.keys.private_key == key);
    CHECK(config::config_mode_is_private(node.dir()));
}

TEST_CASE("an unusable patch.cfg is remembered until a usable one is agreed on", "[node]") {
    Place node;
    const std::string config_before = node.read_config();
    CHECK_FALSE(node.agreed().rejected());
    CHECK_FALSE(node.change_patch(R"({"version": "", "unl": []})"));
    CHECK(node.in_force().contract.patch.version == "1.0");
    CHECK(node.read_config() == config_before);
    auto rejected = node.agreed().rejected();
    REQUIRE(rejected);
    CHECK(rejected->seq == 2);
    CHECK(rejected->problem == "version: must not be empty");
    CHECK(rejected->count > 5);

    node.start(); // it is still what the ledgers agreed on
    CHECK(node.patch_text() == R"({"version": "", "unl": []})");
    rejected = node.agreed().rejected();
    REQUIRE(rejected);
    CHECK(rejected->seq == 2);

    CHECK_FALSE(node.change_patch("garbage"));
    CHECK(node.agreed().rejected()->seq == 4);
    CHECK_THAT(node.agreed().rejected()->problem, Catch::Contains("JSON"));
    CHECK(node.change_patch(node.patch_with("3.0")));
    CHECK_FALSE(node.agreed().rejected());
    CHECK(node.in_force().contract.patch.version == "3.0");
}

TEST_CASE("what others agreed on and is not here is asked for once, then in force", "[node]") {
    Place node;
    const std::string text = node.patch_with("2.0");
    const Hash32 hash = state::hash_file_content(false, as_bytes(text));
    const Hash32 before = node.agreed().hash_in_force();
    using Outcome = AgreedConfig::Outcome;
    CHECK(node.agreed().decided({5, hash}).value() == Outcome::unknown);
    CHECK(node.agreed().hash_in_force() == before);
    CHECK(node.in_force().contract.patch.version == "1.0");
    node.agreed().pending(hash, to_bytes(text));
    CHECK(node.agreed().decided({5, hash}).value() == Outcome::changed);
    CHECK(node.in_force().contract.patch.version == "2.0");
    CHECK(node.agreed().decided({6, hash}).value() == Outcome::unchanged);
    CHECK(node.agreed().decided({7, before}).value() == Outcome::unknown); // not kept here
}

TEST_CASE("order, spacing and unknown keys stay as the contract wrote them", "[node]") {
    Place node;
    std::string text = node.patch_with("2.0");
    const std::string version_line = "    \"version\": \"2.0\",\n";
    text.erase(text.find(version_line), version_line.size());
    text.insert(text.rfind("\n}"),
                ",\n  \"version\":   \"2.0\",\"of_the_contract\": [1, {\"a\": null}]");
    CHECK(node.change_patch(text));
    CHECK(node.in_force().contract.patch.version == "2.0");
    for (int i = 0; i < 2; ++i) {
        node.start();
        CHECK(node.patch_text() == text);
        CHECK_FALSE(node.agreed().rejected());
    }
    node.edit([](config::Config& config) { config.contract.patch.version = "7"; });
    node.start(); // an edit of the operator wins, in the documented form
    CHECK(node.patch_text() == node.patch_with("7"));
}

TEST_CASE("an edit on all nodes counts when a ledger has agreed on it", "[node]") {
    Place node;
    node.join_others("2.0");
    const Hash32 before = node.agreed().hash_in_force();
    edit_version(node, "3.0");
    edit_version(node, "3.0"); // waits across starts
    CHECK(node.in_force().contract.patch.version == "2.0");
    CHECK(node.patch_text() == node.patch_with("2.0"));
    CHECK(node.agreed().hash_in_force() == before);

    const auto proposed = node.agreed().propose_edit(node.next_run());
    REQUIRE(proposed);
    CHECK(to_text(*proposed) == node.patch_with("3.0"));
    CHECK_FALSE(node.agreed().propose_edit(node.next_run())); // once
    CHECK(node.change_patch(to_text(*proposed)));
    CHECK(node.in_force().contract.patch.version == "3.0");
    node.start();
    CHECK(node.in_force().contract.patch.version == "3.0");
    CHECK_FALSE(node.agreed().propose_edit(node.next_run()));
}

TEST_CASE("an edit that others brought first is in force without a run of this node", "[node]") {
    Place node;
    node.join_others("2.0");
    edit_version(node, "3.0");
    const Hash32 edited = state::hash_file_content(false, as_bytes(node.patch_with("3.0")));
    CHECK(node.agreed().decided({9, edited}).value() == AgreedConfig::Outcome::changed);
    CHECK(node.in_force().contract.patch.version == "3.0");
    CHECK(node.stored().contract.patch.version == "3.0");
}

TEST_CASE("an edit on one node is put back when the others do not agree", "[node]") {
    Place node;
    node.join_others("2.0");
    edit_version(node, "3.0");
    REQUIRE(node.agree_on_old() == AgreedConfig::Outcome::unchanged); // not proposed yet
    CHECK(node.stored().contract.patch.version == "3.0");
    const auto proposed = node.agreed().propose_edit(node.next_run());
    REQUIRE(proposed);
    node.run(to_text(*proposed));
    CHECK(node.agree_on_old() == AgreedConfig::Outcome::unchanged);
    CHECK(node.in_force().contract.patch.version == "2.0");
    CHECK(node.stored().contract.patch.version == "2.0");
}

TEST_CASE("an edit is dropped when another configuration is agreed on first", "[node]") {
    Place node;
    node.join_others("2.0");
    edit_version(node, "3.0");
    CHECK(node.change_patch(node.patch_with("4.0")));
    CHECK(node.in_force().contract.patch.version == "4.0");
    CHECK(node.stored().contract.patch.version == "4.0");
    CHECK_FALSE(node.agreed().propose_edit(node.next_run()));
}

TEST_CASE("the operator says that an edit counts at once", "[node]") {
    Place node;
    node.join_others("2.0");
    node.edit([](config::Config& config) { config.contract.patch.version = "3.0"; });
    require_ok(AgreedConfig::impose(node.dir()));
    node.start();
    CHECK(node.in_force().contract.patch.version == "3.0");
    CHECK(node.patch_text() == node.patch_with("3.0"));
    CHECK_FALSE(node.agree());
    edit_version(node, "4.0"); // it was for that edit only
    CHECK(node.in_force().contract.patch.version == "3.0");
}
