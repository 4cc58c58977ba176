// SPDX-License-Identifier: Apache-2.0
// What the state store adds to a round, and how fast one node gets a state from another: without
// consensus, contract or network, which have measurements of their own.
#include "benchmarks.hpp"

#include <deque>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "hp/base/time.hpp"
#include "hp/os/files.hpp"
#include "state/sync/client.hpp"
#include "state/sync/server.hpp"
#include "state/versions.hpp"

namespace hp::bench {
namespace {

namespace fs = std::filesystem;
using state::Store;

constexpr std::size_t small_file_bytes = 100;
constexpr std::size_t change_bytes = 4096;
constexpr LedgerSeq checkpoint_interval = 32; // as the node does

std::int64_t now_us() {
    return SystemClock().now().mono_us;
}

// Content that neither holes nor compression make cheaper.
class Noise {
public:
    explicit Noise(std::uint64_t seed) : seed_(88172645463325252ULL + seed) {}

    ByteView bytes(std::size_t count) {
        buffer_.resize(count);
        for (std::uint8_t& byte : buffer_) {
            seed_ ^= seed_ << 13;
            seed_ ^= seed_ >> 7;
            seed_ ^= seed_ << 17;
            byte = static_cast<std::uint8_t>(seed_);
        }
        return buffer_;
    }

private:
    std::uint64_t seed_;
    Bytes buffer_;
};

class Scratch {
public:
    static Result<Scratch> make(const std::string& parent) {
        std::string name = parent + "/hp-bench-XXXXXX";
        if (mkdtemp(name.data()) == nullptr) {
            return fail(errno_error("cannot make a directory in " + parent, errno));
        }
        return Scratch(name);
    }
    ~Scratch() {
        std::error_code ignored;
        if (!path_.empty()) {
            fs::remove_all(path_, ignored);
        }
    }
    Scratch(Scratch&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
    Scratch& operator=(Scratch&&) = delete;
    const fs::path& path() const { return path_; }

private:
    explicit Scratch(fs::path path) : path_(std::move(path)) {}
    fs::path path_;
};

class StateFiles {
public:
    // Another seed gives other content.
    StateFiles(fs::path live, const StateOptions& options, std::uint64_t seed)
        : live_(std::move(live)), options_(options), noise_(seed) {}

    Status create() {
        if (options_.bytes > 0) {
            HP_TRY_STATUS(write(live_ / "big", 0, options_.bytes));
        }
        for (std::size_t i = 0; i < options_.files; ++i) {
            HP_TRY_STATUS(write(small(i), 0, small_file_bytes));
        }
        return {};
    }

    Status change(std::string_view what, std::size_t round) {
        if (what == "nothing") {
            return {};
        }
        if (what == "everything") {
            return create();
        }
        if (options_.bytes > 0) {
            const std::uint64_t pages = options_.bytes / change_bytes;
            const std::uint64_t page = pages == 0 ? 0 : round * 7919 % pages;
            return write(live_ / "big", page * change_bytes,
                         std::min<std::uint64_t>(change_bytes, options_.bytes));
        }
        return options_.files > 0 ? write(small(round % options_.files), 0, small_file_bytes)
                                  : Status();
    }

private:
    fs::path small(std::size_t i) const { return live_ / ("file-" + std::to_string(i)); }

    Status write(const fs::path& path, std::uint64_t offset, std::uint64_t bytes) {
        HP_TRY(const os::Fd file, os::open_file(path, O_WRONLY | O_CREAT, 0644));
        constexpr std::uint64_t piece_max = 1 << 20;
        for (std::uint64_t at = 0; at < bytes;) {
            const auto piece = static_cast<std::size_t>(std::min(piece_max, bytes - at));
            HP_TRY_STATUS(os::write_all_at(file.get(), noise_.bytes(piece), offset + at));
            at += piece;
        }
        return {};
    }

    fs::path live_;
    StateOptions options_;
    Noise noise_;
};

Result<std::unique_ptr<Store>> open_ready(const fs::path& contract_fs) {
    HP_TRY(auto store, state::open_store(contract_fs, Log()));
    HP_TRY_STATUS(store->recover(0));
    return store;
}

Result<std::unique_ptr<Store>> make_store(const fs::path& contract_fs,
                                          const StateOptions& options) {
    HP_TRY_STATUS(os::make_directories(contract_fs / "seed" / "state"));
    HP_TRY_STATUS(StateFiles(contract_fs / "seed" / "state", options, 0).create());
    return open_ready(contract_fs);
}

struct RoundTimes {
    Samples decide; // until the result could be told: capture and commit
    Samples after;  // until the next run could start: base/, undo, checkpoint
};

Status one_round(Store& store, LedgerSeq seq, RoundTimes& times) {
    state::CaptureStats stats;
    const std::int64_t begin = now_us();
    HP_TRY_STATUS(store.capture(stats));
    HP_TRY_STATUS(store.commit(seq, {}));
    const std::int64_t decided = now_us();
    HP_TRY_STATUS(store.apply_pending());
    if (seq % checkpoint_interval == 0) {
        HP_TRY_STATUS(store.checkpoint(seq - 1));
    }
    times.decide.add(decided - begin);
    times.after.add(now_us() - decided);
    return {};
}

} // namespace

Result<Report> measure_state(const StateOptions& options) {
    HP_TRY(const Scratch scratch, Scratch::make(options.directory));
    const fs::path contract_fs = scratch.path() / "contract_fs";
    HP_TRY(const auto store, make_store(contract_fs, options));
    StateFiles files(store->live_state_dir(), options, 1);
    Report out("state");
    out.add("bytes", std::uint64_t{options.bytes});
    out.add("files", std::uint64_t{options.files});
    LedgerSeq seq = 0;
    for (const char* what : {"nothing", "4_kib", "everything"}) {
        const bool all = std::string_view(what) == "everything";
        RoundTimes times;
        for (std::size_t i = 0; i < (all ? options.full_rounds : options.rounds); ++i) {
            HP_TRY_STATUS(files.change(what, i));
            HP_TRY_STATUS(one_round(*store, ++seq, times));
        }
        out.add(std::string(what) + "_decide", times.decide);
        out.add(std::string(what) + "_after", times.after);
    }
    return out;
}

Result<Report> measure_sync(const StateOptions& options) {
    HP_TRY(const Scratch scratch, Scratch::make(options.directory));
    HP_TRY(const auto source, make_store(scratch.path() / "source", options));
    const fs::path target = scratch.path() / "target";
    HP_TRY(const auto store, make_store(target, StateOptions{}));
    HP_TRY(const os::Fd dir, os::open_file(target, O_RDONLY | O_DIRECTORY));
    state::sync::Server server(source->versions());
    std::deque<Bytes> answers;
    std::int64_t serving_us = 0;
    PublicKey peer;
    peer.data[0] = key_prefix;
    Status served;
    state::sync::Client::Callbacks callbacks;
    callbacks.send = [&](const PublicKey&, const Bytes& request) {
        const std::int64_t begin = now_us();
        auto answer = server.answer(request);
        serving_us += now_us() - begin;
        if (answer) {
            answers.push_back(std::move(*answer));
        } else {
            served = fail(answer.err());
        }
    };
    callbacks.penalise = [&served](const PublicKey&, const std::string& why) {
        served = fail(Errc::invalid, why);
    };
    const std::int64_t begin = now_us();
    HP_TRY(auto client,
           state::sync::Client::start(dir.get(), {}, source->roots(), {}, callbacks, Log()));
    HP_TRY_STATUS(client.on_peer_up(peer, 0));
    while (served && !answers.empty() && client.state() == state::sync::Fetch::State::fetching) {
        const Bytes answer = std::move(answers.front());
        answers.pop_front();
        HP_TRY_STATUS(client.on_answer(peer, answer, 0));
    }
    HP_TRY_STATUS(std::move(served));
    const std::int64_t fetched = now_us();
    HP_TRY(const bool adopted, store->adopt(1, source->roots()));
    const std::int64_t end = now_us();
    if (!adopted || store->roots() != source->roots()) {
        return fail(Errc::corrupt, "the synced state is not the one that was served");
    }
    Report out("sync");
    out.add("bytes", std::uint64_t{options.bytes});
    out.add("files", std::uint64_t{options.files});
    out.add("received_bytes", client.progress().bytes_received);
    out.add("serve_s", static_cast<double>(serving_us) / 1e6);
    out.add("fetch_s", static_cast<double>(fetched - begin - serving_us) / 1e6);
    out.add("adopt_s", static_cast<double>(end - fetched) / 1e6);
    out.add("total_s", static_cast<double>(end - begin) / 1e6);
    return out;
}

} // namespace hp::bench
