// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/crypto/keys.hpp"
#include "hp/proto/user_codec.hpp"
#include "ledger/store.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::ledger;
using hp::test::TempDir;

namespace {

const crypto::KeyPair& user_keys() {
    static const crypto::KeyPair keys = [] {
        crypto::init();
        return crypto::make_key_pair();
    }();
    return keys;
}

proto::SharedInput make_input(std::uint64_t nonce, LedgerSeq max_seq) {
    const Bytes container =
        proto::encode_container(proto::Encoding::bson, {to_bytes("input"), nonce, max_seq});
    return *proto::make_signed_input(user_keys().public_key, proto::Encoding::bson, container,
                                     crypto::sign(user_keys(), container));
}

// A chain of ledgers, each confirming one output of the one before.
proto::LedgerRecord next_ledger(const proto::LedgerRecord* parent, bool with_input) {
    proto::LedgerRecord ledger;
    ledger.header.seq = parent != nullptr ? parent->header.seq + 1 : 1;
    ledger.header.timestamp_ms = static_cast<TimeMs>(1000 * ledger.header.seq);
    ledger.header.prev_hash = parent != nullptr ? parent->header.hash : Hash32{};
    ledger.nonce.data.fill(static_cast<std::uint8_t>(ledger.header.seq));
    ledger.users = {user_keys().public_key};
    if (with_input) {
        ledger.inputs = {make_input(ledger.header.seq, ledger.header.seq + 10)};
    }
    if (parent != nullptr) {
        auto result = std::make_shared<proto::ExecutionResult>();
        result->seq = parent->header.seq;
        proto::UserOutput output{user_keys().public_key, {}, {to_bytes("out")}};
        output.hash = crypto::output_hash(output.user, output.messages);
        result->outputs = {output};
        result->output_root = proto::output_root(result->outputs, ledger.header.state_hash);
        ledger.header.output_hash = result->output_root;
        ledger.previous = result;
    }
    ledger.header.user_hash = proto::user_list_hash(ledger.users);
    ledger.header.input_hash = proto::input_list_hash(ledger.inputs);
    ledger.recent_hash.data.fill(0x77);
    ledger.header.hash = proto::ledger_hash(ledger.header, ledger.nonce, ledger.recent_hash);
    return ledger;
}

Bytes proof_of(LedgerSeq seq) {
    return to_bytes("proof of " + std::to_string(seq));
}

std::unique_ptr<Store> open_store(const TempDir& dir, const Retention& retention,
                                  const std::string& id = "id") {
    auto store = Store::open(dir.path(), id, retention, Store::Mode::read_write);
    REQUIRE(store);
    return std::move(*store);
}

proto::LedgerRecord fill_store(Store& store, LedgerSeq count, bool with_input = true) {
    proto::LedgerRecord last;
    for (LedgerSeq seq = 1; seq <= count; ++seq) {
        last = next_ledger(seq == 1 ? nullptr : &last, with_input);
        REQUIRE(store.append(last, proof_of(seq)));
    }
    return last;
}

const Retention keep_all{true, 1, 0};

void execute(const TempDir& dir, const std::string& sql) {
    auto database = Database::open(dir.path() / "ledger.db", Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE(database->execute(sql));
}

} // namespace

TEST_CASE("an empty store is at genesis and answers for it") {
    TempDir dir;
    const auto store = open_store(dir, keep_all);
    REQUIRE(store->head());
    CHECK(store->head()->ledger == nullptr);
    const auto genesis = store->query(0, true, true);
    REQUIRE((genesis && *genesis));
    CHECK((*genesis)->header == proto::LedgerHeader{});
    CHECK((*genesis)->inputs->empty());
    CHECK_FALSE(*store->query(1, false, false));
    CHECK_FALSE(*store->query(UINT64_MAX, true, false));
}

TEST_CASE("ledgers survive reopening, with what a crashed run needs") {
    TempDir dir;
    proto::LedgerRecord last;
    {
        const auto store = open_store(dir, {false, 1, 0});
        last = fill_store(*store, 5);
    }
    const auto store = open_store(dir, {false, 1, 0});
    const auto head = store->head();
    REQUIRE((head && head->ledger));
    const proto::LedgerRecord& ledger = *head->ledger;
    CHECK(ledger.header == last.header);
    CHECK(ledger.recent_hash == last.recent_hash);
    CHECK(ledger.users == last.users);
    REQUIRE(ledger.inputs.size() == 1);
    CHECK(ledger.inputs[0]->hash == last.inputs[0]->hash);
    CHECK(*ledger.inputs[0]->payload == to_bytes("input"));
    CHECK(head->proof == proof_of(5));
}

TEST_CASE("a database of another contract is refused by name") {
    TempDir dir;
    open_store(dir, keep_all, "first");
    const auto other = Store::open(dir.path(), "second", keep_all, Store::Mode::read_write);
    REQUIRE_FALSE(other);
    CHECK(other.err().code == Errc::corrupt);
    CHECK(other.err().context.find("second") != std::string::npos);
}

TEST_CASE("queries give inputs and outputs only as far as they are kept") {
    TempDir dir;
    const auto store = open_store(dir, keep_all);
    fill_store(*store, 3);
    const auto ledger = store->query(2, true, true);
    REQUIRE((ledger && *ledger));
    REQUIRE((*ledger)->inputs->size() == 1);
    CHECK((*ledger)->inputs->front().blob == to_bytes("input"));
    REQUIRE((*ledger)->outputs->size() == 1);
    CHECK((*ledger)->outputs->front().blobs == std::vector<Bytes>{to_bytes("out")});
    CHECK_FALSE((*store->query(2, false, false))->inputs);

    TempDir sparse_dir;
    const auto sparse = open_store(sparse_dir, {false, 1, 0});
    fill_store(*sparse, 3);
    CHECK((*sparse->query(3, true, true))->inputs->empty()); // stored for recovery, not for history
    CHECK((*sparse->query(2, true, true))->outputs->empty());

    proto::QueriedLedger hidden = **ledger;
    hide_blobs_of_others(hidden, PublicKey{});
    CHECK(hidden.inputs->front().blob.empty());
    CHECK(hidden.outputs->front().blobs.empty());
    CHECK(hidden.inputs->front().key == user_keys().public_key);
}

TEST_CASE("accepted inputs that may still be replayed are remembered") {
    TempDir dir;
    const auto store = open_store(dir, {false, 1, 0});
    fill_store(*store, 20);
    std::vector<std::uint64_t> nonces;
    REQUIRE(store->accepted_inputs(
        20, [&](const AcceptedInput& input) { nonces.push_back(input.nonce); }));
    // Ledger n holds nonce n, valid until n + 10.
    CHECK(nonces == std::vector<std::uint64_t>{11, 12, 13, 14, 15, 16, 17, 18, 19, 20});
}

TEST_CASE("the recent-inputs set is exact: highest nonce, latest expiry, gone when that is over") {
    TempDir dir;
    const auto store = open_store(dir, {false, 1, 0});
    const auto recent = [&] {
        std::vector<std::pair<std::uint64_t, LedgerSeq>> out;
        REQUIRE(store->recent_users([&](const RecentUser& user) {
            CHECK(user.user == user_keys().public_key);
            out.emplace_back(user.last_nonce, user.expires);
        }));
        return out;
    };
    using Expected = std::vector<std::pair<std::uint64_t, LedgerSeq>>;
    proto::LedgerRecord last;
    const auto append = [&](std::vector<proto::SharedInput> inputs) {
        last = next_ledger(last.header.seq == 0 ? nullptr : &last, false);
        last.inputs = std::move(inputs);
        REQUIRE(store->append(last, {}));
    };
    append({make_input(7, 4)});
    CHECK(recent() == Expected{{7, 4}});
    append({make_input(8, 3), make_input(INT64_MAX, 2)}); // the later expiry stays
    CHECK(recent() == Expected{{INT64_MAX, 4}});
    append({});
    CHECK(recent() == Expected{{INT64_MAX, 4}});
    append({});
    CHECK(recent().empty());
    append({make_input(1, INT64_MAX)}); // as late as can be said
    CHECK(recent() == Expected{{1, INT64_MAX}});
}

TEST_CASE("shards decide what is kept") {
    CHECK(oldest_kept(1, 4096, 1) == 1);
    CHECK(oldest_kept(4096, 4096, 1) == 1);
    CHECK(oldest_kept(4097, 4096, 1) == 4097);
    CHECK(oldest_kept(4097, 4096, 2) == 1);
    CHECK(oldest_kept(9000, 4096, 2) == 4097);
    CHECK(oldest_kept(9000, 4096, 0) == 9001);

    TempDir dir;
    const auto store = open_store(dir, {false, 2, 1, 40, 20});
    fill_store(*store, 100, false);
    CHECK_FALSE(*store->query(40, false, false)); // shards 1..40, 41..80, 81..: the newest two
    CHECK(*store->query(41, false, false));
    CHECK((*store->query(80, true, true))->outputs->empty());
    CHECK((*store->query(82, true, true))->outputs->size() == 1);
}

TEST_CASE("verification passes a good chain and names the first bad ledger") {
    TempDir dir;
    {
        const auto store = open_store(dir, keep_all);
        fill_store(*store, 10);
    }
    const auto verify = [&] {
        const auto store = Store::open(dir.path(), "", {}, Store::Mode::read_only);
        REQUIRE(store);
        const auto check_proof = [](const proto::LedgerHeader& header, ByteView proof) {
            return equal(proof, proof_of(header.seq)) ? Status()
                                                      : fail(Errc::corrupt, "has another proof");
        };
        return (*store)->verify(check_proof, [](LedgerSeq) {});
    };
    const auto good = verify();
    REQUIRE(good);
    CHECK(good->first == 1);
    CHECK(good->last == 10);
    CHECK(good->raw == 10);

    std::string damage;
    SECTION("a changed field") {
        damage = "UPDATE ledger SET time = time + 1 WHERE seq = 4";
    }
    SECTION("a changed digest of recent inputs") {
        damage = "UPDATE ledger SET recent_hash = zeroblob(32) WHERE seq = 4";
    }
    SECTION("another proof") {
        damage = "UPDATE ledger SET proof = x'01' WHERE seq = 4";
    }
    SECTION("a missing ledger") {
        damage = "DELETE FROM ledger WHERE seq = 4";
    }
    SECTION("a broken link") {
        damage = "UPDATE ledger SET prev_hash = zeroblob(32) WHERE seq = 4";
    }
    SECTION("other inputs") {
        damage = "UPDATE raw SET inputs = (SELECT inputs FROM raw WHERE seq = 5) WHERE seq = 4";
    }
    SECTION("damaged inputs") {
        damage = "UPDATE raw SET inputs = x'01' WHERE seq = 4";
    }
    execute(dir, damage);
    const auto bad = verify();
    REQUIRE_FALSE(bad);
    CHECK(bad.err().code == Errc::corrupt);
    CHECK(bad.err().context.find("ledger 4") != std::string::npos);
}

TEST_CASE("a damaged newest ledger is reported, not executed") {
    TempDir dir;
    {
        const auto store = open_store(dir, keep_all);
        fill_store(*store, 3);
    }
    execute(dir, "UPDATE raw SET inputs = (SELECT inputs FROM raw WHERE seq = 1) WHERE seq = 3");
    const auto store = open_store(dir, keep_all);
    const auto head = store->head();
    REQUIRE_FALSE(head);
    CHECK(head.err().code == Errc::corrupt);
}

TEST_CASE("links of the epoch chain are kept for ever, with what they name") {
    TempDir dir;
    Retention brief{false, 1, 0};
    brief.primary_shard_ledgers = 4;
    const auto store = open_store(dir, brief);
    proto::LedgerRecord last;
    for (LedgerSeq seq = 1; seq <= 60; ++seq) {
        last = next_ledger(seq == 1 ? nullptr : &last, false);
        last.header.config_hash.data.fill(seq < 10 ? 1 : seq < 20 ? 2 : 1);
        last.header.hash = proto::ledger_hash(last.header, last.nonce, last.recent_hash);
        REQUIRE(store->append(last, proof_of(seq), to_bytes("link " + std::to_string(seq))));
    }
    Hash32 second;
    second.data.fill(2);
    REQUIRE(store->keep_config(second, to_bytes("second")));
    CHECK_FALSE(*store->query(10, false, false)); // pruned
    const auto epochs = store->epochs(0, 100);
    REQUIRE(epochs);
    REQUIRE(epochs->size() == 3);
    CHECK((*epochs)[0].seq == 1);
    CHECK((*epochs)[1].seq == 10);
    CHECK((*epochs)[1].link == to_bytes("link 10"));
    CHECK((*epochs)[1].config == to_bytes("second"));
    CHECK((*epochs)[2].seq == 20);
    CHECK((*epochs)[2].config.empty()); // not here
    CHECK(store->epochs(10, 100)->size() == 1);
    CHECK(store->epochs(0, 2)->size() == 2);
}

TEST_CASE("the chain goes on from a ledger that was joined") {
    TempDir dir;
    const auto store = open_store(dir, keep_all);
    proto::LedgerRecord last = fill_store(*store, 3);
    for (LedgerSeq seq = 4; seq <= 9; ++seq) { // not here
        last = next_ledger(&last, true);
    }
    const RecentUser user{user_keys().public_key, 7, 19};
    REQUIRE(store->join(last, proof_of(9), {user}));
    CHECK(store->head()->ledger->header.seq == 9);
    std::vector<std::uint64_t> nonces;
    REQUIRE(store->recent_users([&](const RecentUser& u) { nonces.push_back(u.last_nonce); }));
    CHECK(nonces == std::vector<std::uint64_t>{7});
    last = next_ledger(&last, true);
    REQUIRE(store->append(last, proof_of(10)));
    const auto newest = store->newest_with_recent();
    REQUIRE(newest);
    CHECK(newest->head.ledger->header.seq == 10);
    REQUIRE(newest->recent.size() == 1);
    CHECK(newest->recent[0].last_nonce == 10);
    CHECK_FALSE(*store->query(5, false, false));

    const auto no_check = [](const proto::LedgerHeader&, ByteView) { return Status(); };
    const auto verified = store->verify(no_check, [](LedgerSeq) {});
    REQUIRE(verified);
    CHECK(verified->first == 1);
    CHECK(verified->last == 10);
    CHECK(verified->count == 5);
    execute(dir, "DELETE FROM joined");
    CHECK(store->verify(no_check, [](LedgerSeq) {}).err().code == Errc::corrupt);
}

TEST_CASE("a ledger whose outputs are not here is as good as any") {
    TempDir dir;
    const auto store = open_store(dir, keep_all);
    proto::LedgerRecord last = fill_store(*store, 2);
    last = next_ledger(&last, true);
    auto known = std::make_shared<proto::ExecutionResult>(*last.previous);
    known->outputs.clear();
    last.previous = known;
    REQUIRE(store->append(last, proof_of(3)));
    CHECK(store->query(3, true, true)->value().outputs->empty());
    const auto no_check = [](const proto::LedgerHeader&, ByteView) { return Status(); };
    CHECK(store->verify(no_check, [](LedgerSeq) {}));
}
