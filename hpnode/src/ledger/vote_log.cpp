// SPDX-License-Identifier: Apache-2.0
#include "ledger/vote_log.hpp"

#include <algorithm>
#include <cstdio>

#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::ledger {
namespace {

const std::string log_name = "log";
const std::string new_name = "log.new";
const std::string aside_prefix = "set-aside.";

// Logs kept for the operator; the oldest goes.
constexpr std::size_t asides_max = 4;

// They have 32 bits in the version of an OPEN; a clock gone mad must leave room for restarts.
constexpr std::uint64_t incarnation_of_clock_max = 0xF000'0000;

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_aside(const std::string& name) {
    return name.compare(0, aside_prefix.size(), aside_prefix) == 0;
}

// How a log whose bytes are sound does not fit the rest of the node. Empty: it does.
std::string misfit(const VoteFile& content, const std::optional<os::FileIdentity>& identity,
                   const VoteLog::Past& past) {
    const VoteFileHeader& header = content.header;
    if (header.identity && identity && *header.identity != *identity) {
        return "the vote log is a copy";
    }
    if (past.mark && past.mark->id != header.id) {
        return "the vote log and the ledgers do not belong together";
    }
    if (past.mark && past.mark->incarnation > header.incarnation) {
        return "the vote log is older than the ledgers";
    }
    LedgerSeq decided = header.decided; // whoever votes on a ledger has the one before
    for (const VoteRecord& record : content.records) {
        decided = std::max(decided, record.height - 1);
    }
    const bool has_voted = header.decided > 0 || !content.records.empty();
    if (decided > past.head || (has_voted && !past.mark)) {
        return "the ledgers are older than the vote log";
    }
    return {};
}

} // namespace

VoteLog::VoteLog(os::StoreDirectory& directory, const Past& past, const Options& options)
    : directory_(directory), entropy_(options.entropy), file_bytes_min_(options.file_bytes),
      incarnation_(std::min(options.now_s, incarnation_of_clock_max)), decided_(past.head) {
    if (past.mark) {
        header_.id = past.mark->id;
        incarnation_ = std::max(incarnation_, past.mark->incarnation + 1);
    }
}

Result<VoteLog::Opened> VoteLog::open(os::StoreDirectory& directory, const Past& past,
                                      const Options& options) {
    std::unique_ptr<VoteLog> log(new VoteLog(directory, past, options));
    HP_TRY(std::string problem, log->recover(past, options.vouched));
    const VoteLogMark mark{log->header_.id, log->incarnation_};
    std::vector<VoteRecord> records = log->kept_;
    return Opened{std::move(log), mark, std::move(records), std::move(problem)};
}

Result<std::string> VoteLog::recover(const Past& past, bool vouched) {
    HP_TRY(const std::vector<std::string> names, directory_.list());
    if (contains(names, new_name)) {
        HP_TRY_STATUS(directory_.remove(new_name));
    }
    if (contains(names, log_name)) {
        return read_old(past, vouched);
    }
    // With one set aside, a crash came between the two renames.
    const bool first_start =
        !past.mark && !past.any && std::none_of(names.begin(), names.end(), is_aside);
    complete_ = first_start || vouched;
    HP_TRY_STATUS(begin_file(false));
    return std::string(first_start ? "" : "the vote log is missing");
}

Result<std::string> VoteLog::read_old(const Past& past, bool vouched) {
    HP_TRY(const auto file, directory_.open(log_name));
    HP_TRY(const std::uint64_t size, file->size());
    HP_TRY(const auto identity, file->identity());
    if (size > limits::vote_log_bytes_max) {
        return fail(Errc::too_large, "the vote log has " + std::to_string(size) + " bytes");
    }
    HP_TRY(const Bytes bytes, file->read(0, static_cast<std::size_t>(size)));
    auto content = decode_vote_file(bytes);
    const std::string problem = content ? misfit(*content, identity, past) : content.err().context;
    complete_ = vouched;
    if (content && (problem.empty() || vouched)) {
        header_.id = past.mark ? past.mark->id : content->header.id;
        complete_ = vouched || content->header.complete;
        incarnation_ = std::max(incarnation_, content->header.incarnation + 1);
        kept_ = std::move(content->records);
        decided(past.head);
    }
    HP_TRY_STATUS(begin_file(!problem.empty()));
    return problem.empty() && !complete_ ? "votes of an earlier start may be missing" : problem;
}

Status VoteLog::append(std::span<const VoteRecord> records) {
    if (failed_) {
        return fail(Errc::closed, "the vote log has failed before");
    }
    kept_.insert(kept_.end(), records.begin(), records.end());
    failed_ = true;
    HP_TRY_STATUS(put(records));
    failed_ = false;
    return {};
}

void VoteLog::decided(LedgerSeq seq) {
    decided_ = std::max(decided_, seq);
    std::erase_if(kept_, [this](const VoteRecord& record) { return record.height <= decided_; });
}

Status VoteLog::set_complete(bool complete) {
    if (failed_) {
        return fail(Errc::closed, "the vote log has failed before");
    }
    if (complete == complete_) {
        return {};
    }
    complete_ = complete;
    failed_ = true;
    HP_TRY_STATUS(begin_file(false));
    failed_ = false;
    return {};
}

// They are in kept_ already, for a file that begins with them.
Status VoteLog::put(std::span<const VoteRecord> records) {
    const Bytes frame = encode_frame(header_.salt, frames_ + 1, records);
    if (end_ + frame.size() > header_.size) {
        return begin_file(false);
    }
    HP_TRY_STATUS(file_->write(frame, end_));
    HP_TRY_STATUS(file_->sync());
    end_ += frame.size();
    ++frames_;
    return {};
}

// It is as large as it will ever be, so that its syncs are of data only.
Status VoteLog::begin_file(bool keep_old) {
    if (header_.id.is_zero()) {
        header_.id.data = random();
    }
    header_.salt.data = random();
    header_.incarnation = incarnation_;
    header_.complete = complete_;
    header_.decided = decided_;
    const Bytes frame = kept_.empty() ? Bytes() : encode_frame(header_.salt, 1, kept_);
    const std::size_t used = vote_block_bytes + frame.size();
    header_.size = std::max(file_bytes_min_, 2 * used);
    if (header_.size > limits::vote_log_bytes_max) {
        return fail(Errc::too_large, "more votes for one ledger than the vote log may hold");
    }
    HP_TRY(auto file, directory_.create(new_name));
    HP_TRY(header_.identity, file->identity());
    Bytes content = encode_header(header_);
    hp::append(content, frame);
    content.resize(header_.size);
    HP_TRY_STATUS(file->write(content, 0));
    HP_TRY_STATUS(file->sync());
    if (keep_old) {
        HP_TRY_STATUS(set_aside());
    }
    HP_TRY_STATUS(directory_.rename(new_name, log_name));
    HP_TRY_STATUS(directory_.sync());
    file_ = std::move(file);
    frames_ = kept_.empty() ? 0 : 1;
    end_ = used;
    return {};
}

Status VoteLog::set_aside() {
    HP_TRY(std::vector<std::string> names, directory_.list());
    std::erase_if(names, [](const std::string& name) { return !is_aside(name); });
    for (std::size_t i = 0; i + asides_max <= names.size(); ++i) {
        HP_TRY_STATUS(directory_.remove(names[i]));
    }
    std::array<char, 24> number{}; // as wide as the largest, so that names sort by age
    std::snprintf(number.data(), number.size(), "%010llu",
                  static_cast<unsigned long long>(incarnation_));
    return directory_.rename(log_name, aside_prefix + number.data());
}

std::array<std::uint8_t, 16> VoteLog::random() {
    Writer draw;
    draw.u64(++draws_);
    const Hash32 hash = crypto::b3({entropy_.view(), draw.view()});
    std::array<std::uint8_t, 16> out{};
    std::copy_n(hash.data.begin(), out.size(), out.begin());
    return out;
}

} // namespace hp::ledger
