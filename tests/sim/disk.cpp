// SPDX-License-Identifier: Apache-2.0
#include "disk.hpp"

#include "consensus/message_codec.hpp"
#include "hp/base/check.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::sim {
namespace {

// Small, so that a new file takes over every few ledgers.
constexpr std::size_t file_bytes = 16UL * 1024;

std::vector<ledger::VoteRecord> encode(const std::vector<consensus::LogRecord>& records) {
    std::vector<ledger::VoteRecord> out;
    for (const consensus::LogRecord& record : records) {
        out.push_back({record.height, consensus::encode_record(record)});
    }
    return out;
}

} // namespace

Disk::Started Disk::start(LedgerSeq head, std::uint64_t now_s) {
    ledger::VoteLog::Options options;
    options.now_s = now_s;
    const std::array<std::uint64_t, 2> entropy{seed_, ++starts_};
    options.entropy = crypto::b3(
        ByteView(reinterpret_cast<const std::uint8_t*>(entropy.data()), sizeof(entropy)));
    options.file_bytes = file_bytes;
    auto opened = ledger::VoteLog::open(disk_, {mark_, head, head > 0}, options);
    HP_CHECK(opened.has_value(), "the simulated disk is in order when a node starts");
    log_ = std::move(opened->log);
    next_mark_ = opened->mark;
    Started out;
    out.problem = std::move(opened->problem);
    for (const ledger::VoteRecord& record : opened->records) {
        auto decoded = consensus::decode_record(record.bytes);
        HP_CHECK(decoded.has_value(), "the log gives back what was put into it");
        out.records.push_back(std::move(*decoded));
    }
    return out;
}

void Disk::started() {
    mark_ = next_mark_;
}

bool Disk::append(const std::vector<consensus::LogRecord>& records) {
    return log_->append(encode(records)).has_value();
}

void Disk::die_appending(const std::vector<consensus::LogRecord>& records, Random& random) {
    using Moment = test::VirtualDisk::Moment;
    const std::vector<Moment> moments{Moment::before, Moment::during, Moment::after};
    disk_.cut_power(disk_.operations() + 1 + random.below(5), random.pick(moments));
    [[maybe_unused]] const bool done = append(records); // whoever would know is gone
    stop(true);
}

void Disk::fail_next_append(Random& random) {
    disk_.fail(disk_.operations() + 1 + random.below(2),
               random.chance(0.5) ? Errc::io : Errc::no_space);
}

void Disk::decided(LedgerSeq seq) {
    log_->decided(seq);
}

void Disk::set_complete(bool complete) {
    const Status done = log_->set_complete(complete);
    HP_CHECK(done.has_value(), "nothing has made this fail");
}

void Disk::stop(bool power_fails) {
    log_ = nullptr;
    if (power_fails || disk_.is_off()) {
        disk_.power_cycle();
    }
}

void Disk::make_backup() {
    backup_ = Backup{disk_.content("log"), mark_};
}

void Disk::restore_backup() {
    HP_CHECK(backup_.has_value(), "only what was copied can be put back");
    if (backup_->log) {
        disk_.put_copy("log", *backup_->log);
    } else { // there was none when the copy was made
        disk_.lose("log");
    }
    mark_ = backup_->mark;
}

std::string Disk::spoil(Random& random) {
    const std::optional<Bytes> now = disk_.content("log");
    if (!now || !mark_) {
        return "nothing to spoil";
    }
    Bytes bytes = *now;
    switch (random.below(5)) {
    case 0:
        disk_.lose("log");
        return "the vote log is lost";
    case 1:
        bytes[random.below(64)] ^= 0x10; // one of the header's: damage that shows
        disk_.overwrite("log", bytes);
        return "the vote log is damaged";
    case 2:
        bytes.resize(random.below(bytes.size()));
        disk_.overwrite("log", bytes);
        return "the vote log is cut short";
    case 3:
        disk_.put_copy("log", backup_ ? backup_->log.value_or(bytes) : bytes);
        return "an old vote log is put back";
    default:
        disk_.put_copy("log", bytes);
        return "the vote log is replaced by a copy";
    }
}

} // namespace hp::sim
