// SPDX-License-Identifier: Apache-2.0
#include "ledger/store.hpp"

#include <algorithm>

#include "hp/base/codec.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/os/files.hpp"

namespace hp::ledger {
namespace {

constexpr std::uint64_t schema_version = 2;

// Rows deleted per append when retention moves on: a few, so that no ledger pays for a whole shard.
constexpr std::uint64_t prune_rows = 16;

constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS meta (format INTEGER NOT NULL, contract_id BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, hash BLOB NOT NULL, prev_hash BLOB NOT NULL,
    state_hash BLOB NOT NULL, config_hash BLOB NOT NULL, nonce BLOB NOT NULL,
    user_hash BLOB NOT NULL, input_hash BLOB NOT NULL, output_hash BLOB NOT NULL,
    recent_hash BLOB NOT NULL, proof BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS raw (
    seq INTEGER PRIMARY KEY, inputs BLOB NOT NULL, outputs BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS accepted (
    seq INTEGER PRIMARY KEY, expires INTEGER NOT NULL, inputs BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS recent (
    user BLOB PRIMARY KEY, last_nonce BLOB NOT NULL, expires BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recent_by_expiry ON recent (expires);
CREATE TABLE IF NOT EXISTS config (hash BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epoch (
    seq INTEGER PRIMARY KEY, config_hash BLOB NOT NULL, link BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS joined (seq INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS vote_log (
    one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, incarnation INTEGER NOT NULL);
)sql";

constexpr const char* ledger_columns =
    "seq, time, hash, prev_hash, state_hash, config_hash, nonce, user_hash, input_hash, "
    "output_hash, recent_hash, proof";

struct StoredHeader {
    proto::LedgerHeader header;
    Hash32 nonce;
    Hash32 recent_hash;
    Bytes proof;
};

StoredHeader read_header(const Statement& row) {
    StoredHeader out;
    out.header.seq = row.integer(0);
    out.header.timestamp_ms = static_cast<TimeMs>(row.integer(1));
    out.header.hash = row.fixed<Hash32>(2);
    out.header.prev_hash = row.fixed<Hash32>(3);
    out.header.state_hash = row.fixed<Hash32>(4);
    out.header.config_hash = row.fixed<Hash32>(5);
    out.nonce = row.fixed<Hash32>(6);
    out.header.user_hash = row.fixed<Hash32>(7);
    out.header.input_hash = row.fixed<Hash32>(8);
    out.header.output_hash = row.fixed<Hash32>(9);
    out.recent_hash = row.fixed<Hash32>(10);
    const ByteView proof = row.blob(11);
    out.proof.assign(proof.begin(), proof.end());
    return out;
}

// SQLite keeps signed integers; "never expires" must stay the largest.
std::uint64_t storable(LedgerSeq seq) {
    return std::min<std::uint64_t>(seq, INT64_MAX);
}

// Fixed-width big-endian text of a number: ordered like the number, with all 64 bits of it.
Bytes ordered(std::uint64_t value) {
    Writer out;
    out.u64(value);
    return out.take();
}

std::uint64_t from_ordered(ByteView stored) {
    Reader in(stored);
    return in.u64();
}

Bytes encode_accepted(const std::vector<proto::SharedInput>& inputs) {
    Writer out;
    for (const proto::SharedInput& input : inputs) {
        out.fixed(input->user);
        out.u64(input->nonce);
        out.fixed(input->hash);
        out.u64(input->max_ledger_seq);
    }
    return out.take();
}

Error corrupt(LedgerSeq seq, const std::string& what) {
    return {Errc::corrupt, "ledger " + std::to_string(seq) + ": " + what};
}

} // namespace

LedgerSeq oldest_kept(LedgerSeq newest, LedgerSeq shard_ledgers, std::uint64_t shards) {
    if (shards == 0) {
        return newest + 1;
    }
    const LedgerSeq current = (std::max<LedgerSeq>(newest, 1) - 1) / shard_ledgers;
    return current < shards ? 1 : (current - shards + 1) * shard_ledgers + 1;
}

void hide_blobs_of_others(proto::QueriedLedger& ledger, const PublicKey& user) {
    if (ledger.inputs) {
        for (proto::QueriedInput& input : *ledger.inputs) {
            if (input.key != user) {
                input.blob.clear();
            }
        }
    }
    if (ledger.outputs) {
        for (proto::QueriedOutput& output : *ledger.outputs) {
            if (output.key != user) {
                output.blobs.clear();
            }
        }
    }
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& ledger_fs,
                                           const std::string& contract_id,
                                           const Retention& retention, Mode mode) {
    const bool writable = mode == Mode::read_write;
    if (writable) {
        HP_TRY_STATUS(os::make_directories(ledger_fs));
    }
    HP_TRY(Database database,
           Database::open(ledger_fs / "ledger.db",
                          writable ? Database::Mode::read_write : Database::Mode::read_only));
    if (writable) {
        // FULL: an appended ledger survives power loss, which is what "accepted" promises.
        HP_TRY_STATUS(database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"));
    }
    std::unique_ptr<Store> store(new Store(std::move(database), retention));
    HP_TRY_STATUS(store->prepare_schema(contract_id, mode));
    HP_TRY_STATUS(store->prepare_statements(mode));
    return store;
}

Status Store::prepare_schema(const std::string& contract_id, Mode mode) {
    if (mode == Mode::read_write) {
        HP_TRY_STATUS(database_.execute(schema));
    }
    HP_TRY(Statement select, database_.prepare("SELECT format, contract_id FROM meta"));
    HP_TRY(const bool exists, select.step());
    if (exists) {
        if (select.integer(0) != schema_version) {
            return fail(Errc::corrupt,
                        "ledger database has format " + std::to_string(select.integer(0)) +
                            ", this version reads format " + std::to_string(schema_version));
        }
        if (!contract_id.empty() && as_text(select.blob(1)) != contract_id) {
            return fail(Errc::corrupt, "ledger database belongs to contract " +
                                           to_text(select.blob(1)) + ", hp.cfg says " +
                                           contract_id);
        }
        return {};
    }
    HP_TRY(Statement insert, database_.prepare("INSERT INTO meta VALUES (?, ?)"));
    return insert.bind(schema_version).bind(as_bytes(contract_id)).run();
}

Status Store::prepare_statements(Mode mode) {
    const std::string columns = ledger_columns;
    HP_TRY(select_ledger_, database_.prepare("SELECT " + columns + " FROM ledger WHERE seq = ?"));
    HP_TRY(select_raw_, database_.prepare("SELECT inputs, outputs FROM raw WHERE seq = ?"));
    HP_TRY(select_newest_, database_.prepare("SELECT max(seq) FROM ledger"));
    if (mode == Mode::read_only) {
        return {};
    }
    HP_TRY(insert_ledger_, database_.prepare("INSERT INTO ledger (" + columns +
                                             ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    HP_TRY(insert_raw_, database_.prepare("INSERT INTO raw VALUES (?, ?, ?)"));
    HP_TRY(insert_accepted_, database_.prepare("INSERT INTO accepted VALUES (?, ?, ?)"));
    HP_TRY(insert_recent_,
           database_.prepare("INSERT INTO recent VALUES (?, ?, ?) ON CONFLICT (user) DO UPDATE SET "
                             "last_nonce = excluded.last_nonce, "
                             "expires = max(expires, excluded.expires)"));
    HP_TRY(insert_link_, database_.prepare("INSERT OR IGNORE INTO epoch VALUES (?, ?, ?)"));
    HP_TRY(expire_recent_, database_.prepare("DELETE FROM recent WHERE expires <= ?"));
    const std::string oldest = " WHERE seq IN (SELECT seq FROM ";
    HP_TRY(prune_ledgers_, database_.prepare("DELETE FROM ledger" + oldest +
                                             "ledger WHERE seq < ? ORDER BY seq LIMIT ?)"));
    HP_TRY(prune_raw_, database_.prepare("DELETE FROM raw" + oldest +
                                         "raw WHERE seq < ? ORDER BY seq LIMIT ?)"));
    HP_TRY(prune_accepted_, database_.prepare("DELETE FROM accepted" + oldest +
                                              "accepted WHERE expires <= ? ORDER BY seq LIMIT ?)"));
    return {};
}

// After an error the transaction is lost with the connection: the node stops on it.
Status Store::in_transaction(const std::function<Status()>& write) {
    HP_TRY_STATUS(database_.execute("BEGIN IMMEDIATE"));
    HP_TRY_STATUS(write());
    return database_.execute("COMMIT");
}

Status Store::append(const proto::LedgerRecord& ledger, ByteView proof, ByteView link) {
    return in_transaction([&]() -> Status {
        HP_TRY_STATUS(insert_link(ledger.header, link));
        HP_TRY_STATUS(insert(ledger, proof));
        HP_TRY_STATUS(insert_recent(ledger));
        return prune(ledger.header.seq);
    });
}

Status Store::join(const proto::LedgerRecord& ledger, ByteView proof,
                   const std::vector<RecentUser>& recent) {
    return in_transaction([&]() -> Status {
        // What it remembers is about ledgers that this set knows, too.
        HP_TRY_STATUS(database_.execute("DELETE FROM recent; DELETE FROM accepted"));
        HP_TRY_STATUS(insert(ledger, proof));
        HP_TRY_STATUS(replace_recent(recent));
        HP_TRY(Statement mark, database_.prepare("INSERT INTO joined VALUES (?)"));
        HP_TRY_STATUS(mark.bind(ledger.header.seq).run());
        return prune(ledger.header.seq);
    });
}

Status Store::insert_link(const proto::LedgerHeader& header, ByteView link) {
    HP_TRY(const bool known, select_ledger_->bind(header.seq - 1).step());
    const bool same =
        known && read_header(*select_ledger_).header.config_hash == header.config_hash;
    select_ledger_->reset();
    return same || link.empty() ? Status() : keep_link(header.seq, header.config_hash, link);
}

Status Store::keep_link(LedgerSeq seq, const Hash32& config_hash, ByteView link) {
    return insert_link_->bind(seq).bind(config_hash.view()).bind(link).run();
}

Result<std::vector<Store::Epoch>> Store::epochs(LedgerSeq above, std::size_t count_max) {
    HP_TRY(Statement select,
           database_.prepare("SELECT seq, link, content FROM epoch LEFT JOIN config "
                             "ON config.hash = epoch.config_hash WHERE seq > ? ORDER BY seq "
                             "LIMIT ?"));
    select.bind(storable(above)).bind(count_max);
    std::vector<Epoch> out;
    while (true) {
        HP_TRY(const bool row, select.step());
        if (!row) {
            return out;
        }
        const ByteView link = select.blob(1);
        Epoch epoch{select.integer(0), Bytes(link.begin(), link.end()), {}};
        const ByteView config = select.blob(2); // NULL reads as nothing
        epoch.config.assign(config.begin(), config.end());
        out.push_back(std::move(epoch));
    }
}

Result<Store::Newest> Store::newest_with_recent() {
    Newest out;
    HP_TRY_STATUS(database_.execute("BEGIN"));
    auto head = this->head();
    const Status read = recent_users([&](const RecentUser& user) { out.recent.push_back(user); });
    HP_TRY_STATUS(database_.execute("COMMIT"));
    HP_TRY_STATUS(read);
    HP_TRY(out.head, std::move(head));
    return out;
}

Status Store::insert(const proto::LedgerRecord& ledger, ByteView proof) {
    const proto::LedgerHeader& h = ledger.header;
    HP_TRY_STATUS(insert_ledger_->bind(h.seq)
                      .bind(static_cast<std::uint64_t>(h.timestamp_ms))
                      .bind(h.hash.view())
                      .bind(h.prev_hash.view())
                      .bind(h.state_hash.view())
                      .bind(h.config_hash.view())
                      .bind(ledger.nonce.view())
                      .bind(h.user_hash.view())
                      .bind(h.input_hash.view())
                      .bind(h.output_hash.view())
                      .bind(ledger.recent_hash.view())
                      .bind(proof)
                      .run());
    const Bytes inputs = proto::encode_inputs(ledger.users, ledger.inputs);
    // Of a run this node did not have it may know only that there were outputs.
    const bool complete = ledger.previous && (!ledger.previous->outputs.empty() ||
                                              ledger.previous->output_root.is_zero());
    const Bytes outputs = complete ? proto::encode_result(*ledger.previous) : Bytes{};
    HP_TRY_STATUS(insert_raw_->bind(h.seq).bind(ByteView(inputs)).bind(ByteView(outputs)).run());
    if (ledger.inputs.empty()) {
        return {};
    }
    LedgerSeq expires = 0;
    for (const proto::SharedInput& input : ledger.inputs) {
        expires = std::max(expires, input->max_ledger_seq);
    }
    const Bytes accepted = encode_accepted(ledger.inputs);
    return insert_accepted_->bind(h.seq).bind(storable(expires)).bind(ByteView(accepted)).run();
}

// Inputs of a user come in ascending order of their nonces.
Status Store::insert_recent(const proto::LedgerRecord& ledger) {
    for (const proto::SharedInput& input : ledger.inputs) {
        const Bytes nonce = ordered(input->nonce);
        const Bytes expires = ordered(input->max_ledger_seq);
        HP_TRY_STATUS(insert_recent_->bind(input->user.view())
                          .bind(ByteView(nonce))
                          .bind(ByteView(expires))
                          .run());
    }
    const Bytes now = ordered(ledger.header.seq);
    return expire_recent_->bind(ByteView(now)).run();
}

Status Store::replace_recent(const std::vector<RecentUser>& recent) {
    for (const RecentUser& user : recent) {
        const Bytes nonce = ordered(user.last_nonce);
        const Bytes expires = ordered(user.expires);
        HP_TRY_STATUS(insert_recent_->bind(user.user.view())
                          .bind(ByteView(nonce))
                          .bind(ByteView(expires))
                          .run());
    }
    return {};
}

Result<bool> Store::is_joined(LedgerSeq seq) {
    HP_TRY(Statement select, database_.prepare("SELECT 1 FROM joined WHERE seq = ?"));
    return select.bind(storable(seq)).step();
}

Status Store::prune(LedgerSeq newest) {
    HP_TRY_STATUS(prune_accepted_->bind(newest).bind(prune_rows).run());
    if (retention_.full) {
        return {};
    }
    const LedgerSeq primary =
        oldest_kept(newest, retention_.primary_shard_ledgers, retention_.primary_shards);
    // The newest raw rows stay whatever the setting says: they are what a crash needs.
    const LedgerSeq raw_min = newest - std::min(newest, raw_ledgers_min);
    const LedgerSeq raw =
        std::min(raw_min, oldest_kept(newest, retention_.raw_shard_ledgers, retention_.raw_shards));
    HP_TRY_STATUS(prune_ledgers_->bind(primary).bind(prune_rows).run());
    return prune_raw_->bind(raw).bind(prune_rows).run();
}

bool Store::raw_is_kept(LedgerSeq seq, LedgerSeq newest) const {
    return retention_.full ||
           seq >= oldest_kept(newest, retention_.raw_shard_ledgers, retention_.raw_shards);
}

Result<LedgerSeq> Store::newest() {
    HP_TRY([[maybe_unused]] const bool row, select_newest_->step());
    const LedgerSeq seq = select_newest_->integer(0); // NULL reads as 0: genesis
    select_newest_->reset();
    return seq;
}

Result<std::optional<VoteLogMark>> Store::vote_log_mark() {
    HP_TRY(Statement select, database_.prepare("SELECT id, incarnation FROM vote_log"));
    HP_TRY(const bool exists, select.step());
    if (!exists) {
        return std::optional<VoteLogMark>();
    }
    return std::optional(VoteLogMark{select.fixed<VoteLogId>(0), select.integer(1)});
}

Status Store::set_vote_log_mark(const VoteLogMark& mark) {
    HP_TRY(Statement replace,
           database_.prepare("INSERT OR REPLACE INTO vote_log VALUES (1, ?, ?)"));
    return replace.bind(mark.id.view()).bind(mark.incarnation).run();
}

Result<Store::Head> Store::head() {
    HP_TRY(const LedgerSeq seq, newest());
    if (seq == 0) {
        return Head{};
    }
    HP_TRY(Head found, ledger(seq));
    if (!found.ledger) {
        return fail(corrupt(seq, "its inputs are missing"));
    }
    return found;
}

Status Store::keep_config(const Hash32& hash, ByteView content) {
    HP_TRY(Statement insert, database_.prepare("INSERT OR IGNORE INTO config VALUES (?, ?)"));
    return insert.bind(hash.view()).bind(content).run();
}

Result<std::optional<Bytes>> Store::config(const Hash32& hash) {
    HP_TRY(Statement select, database_.prepare("SELECT content FROM config WHERE hash = ?"));
    HP_TRY(const bool found, select.bind(hash.view()).step());
    if (!found) {
        return std::optional<Bytes>();
    }
    const ByteView content = select.blob(0);
    return std::optional(Bytes(content.begin(), content.end()));
}

Result<Store::Head> Store::ledger(LedgerSeq seq) {
    HP_TRY(const bool found, select_ledger_->bind(storable(seq)).step());
    if (!found) {
        return Head{};
    }
    StoredHeader stored = read_header(*select_ledger_);
    select_ledger_->reset();
    HP_TRY(const bool has_raw, select_raw_->bind(storable(seq)).step());
    if (!has_raw) {
        return Head{};
    }
    auto decoded = proto::decode_inputs(select_raw_->blob(0));
    select_raw_->reset();
    if (!decoded) {
        return fail(corrupt(seq, decoded.err().context));
    }
    auto ledger = std::make_shared<proto::LedgerRecord>();
    ledger->header = stored.header;
    ledger->nonce = stored.nonce;
    ledger->recent_hash = stored.recent_hash;
    ledger->users = std::move(decoded->users);
    ledger->inputs = std::move(decoded->inputs);
    if (proto::ledger_hash(ledger->header, ledger->nonce, ledger->recent_hash) !=
            ledger->header.hash ||
        proto::input_list_hash(ledger->inputs) != ledger->header.input_hash) {
        return fail(corrupt(seq, "its content does not match its hash"));
    }
    return Head{std::move(ledger), std::move(stored.proof)};
}

Result<Bytes> Store::outputs(LedgerSeq seq) {
    HP_TRY(const bool found, select_raw_->bind(storable(seq)).step());
    Bytes out;
    if (found) {
        const ByteView stored = select_raw_->blob(1);
        out.assign(stored.begin(), stored.end());
    }
    select_raw_->reset();
    return out;
}

Status Store::keep_outputs(LedgerSeq seq, ByteView outputs) {
    HP_TRY(Statement update, database_.prepare("UPDATE raw SET outputs = ? WHERE seq = ?"));
    return update.bind(outputs).bind(storable(seq)).run();
}

Status Store::recent_users(const std::function<void(const RecentUser&)>& visit) {
    HP_TRY(Statement select, database_.prepare("SELECT user, last_nonce, expires FROM recent"));
    while (true) {
        HP_TRY(const bool row, select.step());
        if (!row) {
            return {};
        }
        visit({select.fixed<PublicKey>(0), from_ordered(select.blob(1)),
               from_ordered(select.blob(2))});
    }
}

Status Store::accepted_inputs(LedgerSeq lcl,
                              const std::function<void(const AcceptedInput&)>& visit) {
    HP_TRY(Statement select,
           database_.prepare("SELECT seq, inputs FROM accepted WHERE expires > ? ORDER BY seq"));
    select.bind(storable(lcl));
    while (true) {
        HP_TRY(const bool row, select.step());
        if (!row) {
            return {};
        }
        Reader in(select.blob(1));
        while (in.ok() && in.left() > 0) {
            AcceptedInput input;
            input.user = in.fixed<PublicKey>();
            input.nonce = in.u64();
            input.hash = in.fixed<Hash32>();
            input.max_ledger_seq = in.u64();
            if (in.ok()) {
                visit(input);
            }
        }
        if (!in.ok()) {
            return fail(corrupt(select.integer(0), "its record of accepted inputs is damaged"));
        }
    }
}

namespace {

std::vector<proto::QueriedInput> queried(const std::vector<proto::SharedInput>& inputs) {
    std::vector<proto::QueriedInput> out;
    for (const proto::SharedInput& input : inputs) {
        out.push_back({input->user, input->hash, input->nonce, *input->payload});
    }
    return out;
}

std::vector<proto::QueriedOutput> queried(std::vector<proto::UserOutput> outputs) {
    std::vector<proto::QueriedOutput> out;
    for (proto::UserOutput& output : outputs) {
        out.push_back({output.user, output.hash, std::move(output.messages)});
    }
    return out;
}

} // namespace

Result<std::optional<proto::QueriedLedger>> Store::query(LedgerSeq seq, bool inputs, bool outputs) {
    proto::QueriedLedger out;
    if (inputs) {
        out.inputs.emplace();
    }
    if (outputs) {
        out.outputs.emplace();
    }
    if (seq == 0) {
        return std::optional(std::move(out)); // the synthetic genesis, all zero
    }
    if (seq > INT64_MAX) {
        return std::optional<proto::QueriedLedger>{};
    }
    HP_TRY(const bool found, select_ledger_->bind(seq).step());
    if (!found) {
        return std::optional<proto::QueriedLedger>{};
    }
    out.header = read_header(*select_ledger_).header;
    select_ledger_->reset();
    HP_TRY(const LedgerSeq last, newest());
    if ((!inputs && !outputs) || !raw_is_kept(seq, last)) {
        return std::optional(std::move(out));
    }
    HP_TRY(const bool has_raw, select_raw_->bind(seq).step());
    if (!has_raw) {
        return std::optional(std::move(out));
    }
    auto decoded_inputs = proto::decode_inputs(select_raw_->blob(0));
    const ByteView stored_outputs = select_raw_->blob(1);
    auto decoded_outputs = stored_outputs.empty() ? Result<proto::ExecutionResult>{}
                                                  : proto::decode_result(stored_outputs);
    select_raw_->reset();
    if (!decoded_inputs || !decoded_outputs) {
        return fail(corrupt(seq, "its raw data is damaged"));
    }
    if (inputs) {
        out.inputs = queried(decoded_inputs->inputs);
    }
    if (outputs) {
        out.outputs = queried(std::move(decoded_outputs->outputs));
    }
    return std::optional(std::move(out));
}

namespace {

Status verify_raw(const StoredHeader& stored, ByteView inputs, ByteView outputs) {
    const proto::LedgerHeader& header = stored.header;
    const auto in = proto::decode_inputs(inputs);
    if (!in) {
        return fail(corrupt(header.seq, in.err().context));
    }
    if (proto::user_list_hash(in->users) != header.user_hash) {
        return fail(corrupt(header.seq, "user list does not match user_hash"));
    }
    if (proto::input_list_hash(in->inputs) != header.input_hash) {
        return fail(corrupt(header.seq, "inputs do not match input_hash"));
    }
    for (const proto::SharedInput& input : in->inputs) {
        if (!proto::verify_signature(*input)) {
            return fail(corrupt(header.seq, "input " + input->hash.hex() + " has a bad signature"));
        }
    }
    if (outputs.empty()) {
        return {};
    }
    const auto result = proto::decode_result(outputs);
    if (!result) {
        return fail(corrupt(header.seq, result.err().context));
    }
    if (proto::output_root(result->outputs, header.state_hash) != header.output_hash) {
        return fail(corrupt(header.seq, "outputs do not match output_hash"));
    }
    return {};
}

} // namespace

Result<Store::Verified> Store::verify(const CheckProof& check_proof,
                                      const std::function<void(LedgerSeq)>& progress) {
    HP_TRY(Statement rows, database_.prepare(std::string("SELECT ") + ledger_columns +
                                             " FROM ledger ORDER BY seq"));
    Verified out;
    Hash32 previous;
    while (true) {
        HP_TRY(const bool row, rows.step());
        if (!row) {
            return out;
        }
        const StoredHeader stored = read_header(rows);
        const proto::LedgerHeader& header = stored.header;
        const bool gap = out.first != 0 && header.seq != out.last + 1;
        if (gap) {
            HP_TRY(const bool joined, is_joined(header.seq));
            if (!joined) {
                return fail(corrupt(out.last + 1, "is missing"));
            }
        }
        const bool first = out.first == 0 || gap;
        if ((!first || header.seq == 1) && header.prev_hash != previous) {
            return fail(corrupt(header.seq, "does not follow the ledger before it"));
        }
        if (proto::ledger_hash(header, stored.nonce, stored.recent_hash) != header.hash) {
            return fail(corrupt(header.seq, "fields do not match its hash"));
        }
        if (const Status proven = check_proof(header, stored.proof); !proven) {
            return fail(corrupt(header.seq, proven.err().context));
        }
        HP_TRY(const bool has_raw, select_raw_->bind(header.seq).step());
        if (has_raw) {
            const auto checked = verify_raw(stored, select_raw_->blob(0), select_raw_->blob(1));
            select_raw_->reset();
            HP_TRY_STATUS(checked);
            ++out.raw;
        }
        out.first = out.first == 0 ? header.seq : out.first;
        ++out.count;
        out.last = header.seq;
        previous = header.hash;
        progress(header.seq);
    }
}

} // namespace hp::ledger
