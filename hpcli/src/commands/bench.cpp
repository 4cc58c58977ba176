// SPDX-License-Identifier: Apache-2.0
// bench: open-loop load. Requests start when their time has come, however slow the answers are,
// and their latency counts from then: a stalled node cannot hide by slowing the load down
// (coordinated omission).
#include "commands.hpp"

#include "cli/fleet.hpp"
#include "cli/keys.hpp"
#include "cli/min_connections.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/payload.hpp"
#include "cli/progress.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "hp/client/receipt.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <random>

namespace hp::cli {
namespace {

struct BenchOptions {
    std::uint64_t rate = 50; // a second
    std::int64_t duration_ms = 10'000;
    std::uint64_t users = 1;
    bool read = false;
    std::string hdr_file;
    bool until_output = false; // else until it is in a ledger
    std::uint64_t seed = 0;
};

constexpr std::uint64_t users_max = 10'000;

Parsed<BenchOptions> check_bench(const Args& args) {
    BenchOptions out;
    out.seed = std::random_device()();
    std::string wait = "output";
    OptionReader reader(args);
    reader.count("rate", out.rate).duration("duration", out.duration_ms);
    reader.count("users", out.users).number("seed", out.seed).text("wait", wait);
    reader.text("hdr", out.hdr_file);
    out.read = reader.flag("read");
    out.until_output = wait == "output";
    if (wait != "output" && wait != "ledger") {
        return bad_value("--wait", wait, "ledger or output");
    }
    if (out.users > users_max) {
        return bad_value("--users", std::to_string(out.users), "10000 at most");
    }
    return reader.done(out);
}

// {{n}}: the number of the request; {{user}}: of its user; {{rand A B}}: a number from A to B.
class Template {
public:
    Template(std::string text, std::uint64_t seed) : text_(std::move(text)), random_(seed) {}

    Bytes fill(std::uint64_t number, std::uint64_t user) {
        std::string out;
        std::string_view rest = text_;
        while (true) {
            const std::size_t start = rest.find("{{");
            const std::size_t end = rest.find("}}", start);
            if (start == std::string_view::npos || end == std::string_view::npos) {
                return to_bytes(out.append(rest));
            }
            out += rest.substr(0, start);
            out += value(rest.substr(start + 2, end - start - 2), number, user);
            rest.remove_prefix(end + 2);
        }
    }

private:
    std::string value(std::string_view name, std::uint64_t number, std::uint64_t user) {
        const auto words = split_list(name);
        if (name == "n" || name == "user") {
            return std::to_string(name == "n" ? number : user);
        }
        if (words.size() == 3 && words[0] == "rand") {
            const auto low = parse_number(words[1]);
            const auto high = parse_number(words[2]);
            if (low && high && *low <= *high) {
                return std::to_string(*low + random_() % (*high - *low + 1));
            }
        }
        return "{{" + std::string(name) + "}}";
    }

    const std::string text_;
    std::mt19937_64 random_;
};

class Bench {
public:
    Bench(const Args& args, const BenchOptions& options, Bytes payload)
        : args_(args), options_(options), payload_(hp::to_text(payload), options.seed),
          tick_(reactor_), end_(reactor_), users_(options.users) {}

    Outcome run();

private:
    struct Request {
        std::int64_t due_us = 0;
        std::optional<client::Receipt> receipt; // inputs
    };
    struct User {
        std::unique_ptr<client::Client> client;
        std::map<std::uint64_t, Request> open; // by number
    };

    void connect(std::size_t user, std::size_t attempt);
    void start();
    void on_tick();
    void issue(std::uint64_t number);
    void send(std::uint64_t number, std::size_t user, Bytes payload);
    void settle(std::size_t user, std::uint64_t number);
    void done(std::size_t user, std::uint64_t number);
    void finish();
    Outcome report();

    const Args& args_;
    const BenchOptions options_;
    Template payload_;
    net::Reactor reactor_;
    net::Timer tick_;
    net::Timer end_;
    std::vector<User> users_;
    std::size_t connected_ = 0;
    std::int64_t started_us_ = 0;
    std::int64_t ended_us_ = 0;
    std::uint64_t issued_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t unanswered_ = 0;
    std::int64_t late_us_max_ = 0; // of the generator itself
    LedgerSeq lcl_ = 0;
    LedgerSeq first_ledger_ = 0;
    std::vector<double> latencies_ms_;
    std::map<std::string, std::uint64_t> rejects_;
    std::optional<Failure> problem_;
    std::optional<Progress> progress_;
};

Outcome Bench::run() {
    total_ = options_.rate * static_cast<std::uint64_t>(options_.duration_ms) / 1000;
    total_ = std::max<std::uint64_t>(total_, 1);
    reactor_.on_signals({SIGINT, SIGTERM}, [this](int signal) {
        problem_ = silent(signal == SIGINT ? exit_interrupted : exit_terminated);
        reactor_.stop();
    });
    progress_.emplace(args_, "measuring", "requests");
    for (std::size_t i = 0; i < users_.size(); ++i) {
        connect(i, 0);
    }
    reactor_.run();
    progress_.reset();
    return problem_ ? Outcome(tl::unexpected(std::move(*problem_))) : report();
}

// Users are spread over the servers; one that is down is passed over.
void Bench::connect(std::size_t user, std::size_t attempt) {
    const auto& servers = args_.connection.servers;
    const std::string& url = servers[(user + attempt) % servers.size()];
    client::Events events;
    events.on_ledger = [this, user](const proto::LedgerHeader& ledger) {
        lcl_ = std::max(lcl_, ledger.seq);
        const auto open = users_[user].open; // settling removes
        for (const auto& item : open) {
            if (auto here = users_[user].open.find(item.first);
                here != users_[user].open.end() && here->second.receipt) {
                here->second.receipt->on_ledger(ledger);
                settle(user, item.first);
            }
        }
    };
    events.on_output = [this, user](const client::Output& output) {
        const auto open = users_[user].open;
        for (const auto& item : open) {
            if (auto here = users_[user].open.find(item.first);
                here != users_[user].open.end() && here->second.receipt) {
                here->second.receipt->on_output(output);
                settle(user, item.first);
            }
        }
    };
    events.on_closed = [this](const net::CloseInfo& info) {
        problem_ = Failure{ErrorId::connection_lost, "a session ended: " + info.reason};
        reactor_.stop();
    };
    const auto keys = crypto::make_key_pair();
    users_[user].client = std::make_unique<client::Client>(
        reactor_, client_options(args_, url, keys, nullptr, 0), std::move(events), args_.log);
    users_[user].client->connect(
        [this, user](const client::ServerInfo&) {
            users_[user].client->subscribe(proto::Channel::ledger_event, true);
            users_[user].client->lcl([this](const Result<LedgerId>& lcl) {
                lcl_ = lcl ? std::max(lcl_, lcl->seq) : lcl_;
                if (++connected_ == users_.size()) {
                    start();
                }
            });
        },
        [this, url, user, attempt, &servers](const client::ConnectError& error) {
            if (attempt + 1 < servers.size()) {
                reactor_.post([this, user, attempt] { connect(user, attempt + 1); });
                return;
            }
            problem_ = connect_failure(url, error);
            reactor_.stop();
        });
}

void Bench::start() {
    first_ledger_ = lcl_;
    started_us_ = SystemClock().now().mono_us;
    on_tick();
}

// Everything whose time has come; then sleeps until the next one.
void Bench::on_tick() {
    const std::int64_t now_us = SystemClock().now().mono_us;
    const auto due_us = [this](std::uint64_t number) {
        return started_us_ + static_cast<std::int64_t>(number * 1'000'000 / options_.rate);
    };
    progress_->step(issued_, total_);
    while (issued_ < total_ && due_us(issued_) <= now_us) {
        late_us_max_ = std::max(late_us_max_, now_us - due_us(issued_));
        issue(issued_++);
    }
    if (issued_ < total_) {
        tick_.arm_at(due_us(issued_), [this] { on_tick(); });
        return;
    }
    const std::int64_t wait_ms = args_.connection.timeout_ms.value_or(default_timeout_ms);
    if (wait_ms > 0) { // for the answers of the last requests
        end_.arm_after(wait_ms * 1000, [this] { finish(); });
    }
}

void Bench::issue(std::uint64_t number) {
    const auto user = static_cast<std::size_t>(number % users_.size());
    Request& request = users_[user].open[number];
    request.due_us = started_us_ + static_cast<std::int64_t>(number * 1'000'000 / options_.rate);
    Bytes payload = payload_.fill(number, user);
    if (!options_.read) {
        send(number, user, std::move(payload));
        return;
    }
    users_[user].client->read(std::move(payload), [this, user, number](const auto& reply) {
        if (reply) {
            done(user, number);
        }
    });
}

void Bench::send(std::uint64_t number, std::size_t user, Bytes payload) {
    client::Submission submission;
    submission.input = std::move(payload);
    submission.max_ledger_seq = lcl_ + submission.expire_after;
    users_[user].open[number].receipt.emplace(*submission.max_ledger_seq);
    users_[user].client->submit(
        std::move(submission), [](const auto&) {},
        [this, user, number](const Result<client::InputOutcome>& outcome) {
            const auto found = users_[user].open.find(number);
            if (outcome && found != users_[user].open.end()) {
                found->second.receipt->on_outcome(*outcome);
                settle(user, number);
            }
        });
}

void Bench::settle(std::size_t user, std::uint64_t number) {
    using State = client::Receipt::State;
    const client::Receipt& receipt = *users_[user].open.at(number).receipt;
    if (receipt.state() == State::rejected) {
        ++rejects_[std::string(to_string(*receipt.outcome().rejected))];
        users_[user].open.erase(number);
    } else if (receipt.state() == State::status_missing) {
        ++rejects_["lost"];
        users_[user].open.erase(number);
    } else if (receipt.is_final() ||
               (!options_.until_output && receipt.state() == State::accepted)) {
        done(user, number);
        return;
    } else {
        return;
    }
    if (issued_ == total_ &&
        std::ranges::all_of(users_, [](const User& one) { return one.open.empty(); })) {
        finish();
    }
}

void Bench::done(std::size_t user, std::uint64_t number) {
    const auto found = users_[user].open.find(number);
    const std::int64_t now_us = SystemClock().now().mono_us;
    latencies_ms_.push_back(static_cast<double>(now_us - found->second.due_us) / 1000);
    users_[user].open.erase(found);
    if (issued_ == total_ &&
        std::ranges::all_of(users_, [](const User& one) { return one.open.empty(); })) {
        finish();
    }
}

void Bench::finish() {
    ended_us_ = SystemClock().now().mono_us;
    for (const User& user : users_) {
        unanswered_ += user.open.size();
    }
    reactor_.stop();
}

std::string rounded(double value) {
    std::string out = std::to_string(value);
    return out.substr(0, out.find('.') + 3);
}

// The percentile distribution as HdrHistogram's tools print and plot it (.hgrm): five ticks for
// every halving of the distance to 100 %.
std::string hdr_distribution(const std::vector<double>& sorted_ms) {
    constexpr int ticks_per_half = 5;
    const auto count = static_cast<double>(sorted_ms.size());
    std::string out = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
    std::array<char, 128> line{};
    const auto add = [&](double share, std::size_t upto) {
        const int length =
            share < 1 ? std::snprintf(line.data(), line.size(), "%12.3f %2.12f %10zu %14.2f\n",
                                      sorted_ms[upto - 1], share, upto, 1 / (1 - share))
                      : std::snprintf(line.data(), line.size(), "%12.3f %2.12f %10zu\n",
                                      sorted_ms[upto - 1], share, upto);
        out.append(line.data(), static_cast<std::size_t>(length));
    };
    double share = 0;
    for (int half = 0; count * (1 - share) >= 1; ++half) {
        const double step = std::ldexp(1.0, -half - 1) / ticks_per_half;
        for (int tick = 0; tick < ticks_per_half && count * (1 - share) >= 1; ++tick) {
            const auto upto = static_cast<std::size_t>(std::ceil(share * count - 1e-9));
            add(share, std::max<std::size_t>(upto, 1));
            share += step;
        }
    }
    double sum = 0;
    double squares = 0;
    for (const double one : sorted_ms) {
        sum += one;
        squares += one * one;
    }
    if (sorted_ms.empty()) {
        return out;
    }
    add(1, sorted_ms.size());
    const double mean = sum / count;
    const double deviation = std::sqrt(std::max(squares / count - mean * mean, 0.0));
    std::snprintf(line.data(), line.size(), "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean,
                  deviation);
    out += line.data();
    std::snprintf(line.data(), line.size(), "#[Max     = %12.3f, Total count    = %12zu]\n",
                  sorted_ms.back(), sorted_ms.size());
    return out + line.data();
}

Outcome Bench::report() {
    std::ranges::sort(latencies_ms_);
    if (!options_.hdr_file.empty()) {
        const std::string text = hdr_distribution(latencies_ms_);
        const auto stored = os::replace_file(options_.hdr_file, as_bytes(text), 0644);
        if (!stored) {
            return failure(ErrorId::cannot_write, "--hdr: " + stored.err().context);
        }
    }
    const auto at = [this](double share) {
        const auto index =
            static_cast<std::size_t>(share * static_cast<double>(latencies_ms_.size() - 1) + 0.5);
        return latencies_ms_.empty() ? 0.0 : latencies_ms_[index];
    };
    double sum = 0;
    for (const double latency : latencies_ms_) {
        sum += latency;
    }
    const auto count = static_cast<double>(latencies_ms_.size());
    const double mean = latencies_ms_.empty() ? 0.0 : sum / count;
    const double seconds = static_cast<double>(ended_us_ - started_us_) / 1e6;
    const double throughput = count / seconds;
    const double late_ms = static_cast<double>(late_us_max_) / 1000;
    if (!args_.quiet && late_us_max_ > 100'000) {
        write_note(note_head(args_) + "the load generator itself was up to " + rounded(late_ms) +
                   " ms late; this machine is too slow for the rate\n");
    }
    JsonObject rejects;
    std::string text = "requests     " + std::to_string(issued_) + " in " + rounded(seconds) +
                       " s, " + std::to_string(latencies_ms_.size()) + " answered, " +
                       rounded(throughput) + " a second\n";
    for (const auto& [reason, times] : rejects_) {
        rejects.add(reason, times);
        text += "rejected     " + std::to_string(times) + " " + reason + "\n";
    }
    JsonObject latency;
    latency.add("count", std::uint64_t{latencies_ms_.size()}).add("min", at(0)).add("mean", mean);
    text += "latency ms   min " + rounded(at(0)) + " mean " + rounded(mean);
    for (const auto& [name, share] : {std::pair{"p50", 0.5}, std::pair{"p90", 0.9},
                                      std::pair{"p99", 0.99}, std::pair{"p999", 0.999}}) {
        latency.add(name, at(share));
        text += " " + std::string(name) + " " + rounded(at(share));
    }
    latency.add("max", at(1));
    text += " max " + rounded(at(1)) + "\n";
    if (!args_.json) {
        return Answer{text};
    }
    JsonObject out = document(args_.schema);
    out.add("requests", issued_).add("answered", std::uint64_t{latencies_ms_.size()});
    out.add("unanswered", unanswered_).add("rejected", rejects).add("seconds", seconds);
    out.add("per_second", throughput).add("latency_ms", latency);
    out.add("ledgers", lcl_ - first_ledger_).add("generator_late_ms", late_ms);
    out.add("seed", options_.seed);
    return Answer{out.text() + "\n"};
}

Outcome run_bench(const Args& args) {
    const auto options = check_bench(args);
    if (!options) {
        return tl::unexpected(options.error());
    }
    auto payload = make_payload(args.arguments, args.options.has("text"));
    if (!payload) {
        return tl::unexpected(std::move(payload.error()));
    }
    if (auto enough = require_connections(args); !enough) {
        return tl::unexpected(std::move(enough.error()));
    }
    return Bench(args, *options, std::move(*payload)).run();
}

constexpr std::array bench_options = {
    OptionInfo{"--rate", "N", "requests a second, whatever the answers do (default 50)"},
    OptionInfo{"--duration", "DUR", "how long (default 10s)"},
    OptionInfo{"--users", "N", "sessions, each with a key of its own (default 1)"},
    OptionInfo{"--read", "", "read requests instead of inputs"},
    OptionInfo{"--wait", "ledger|output", "what ends an input's latency (default output)"},
    OptionInfo{"--hdr", "FILE", "write the latencies as HdrHistogram percentiles (.hgrm)"},
    OptionInfo{"--seed", "N", "of {{rand A B}}, to repeat a run"},
    OptionInfo{"--text", "", "the argument is text, whatever it looks like"},
};

constexpr std::array bench_table = {
    CommandInfo{"bench", "TEXT | @FILE | ITEM...", 0, any_number, Scope::online,
                "Send at a steady rate and measure latencies",
                "hpcli bench --rate 200 --duration 30s --users 20 'op=add' 'n:={{rand 1 9}}'",
                "hpcli bench --read --rate 500 get --json | jq .latency_ms.p99", bench_options,
                "ok:bool requests:int answered:int unanswered:int rejected:{*:int} seconds:num "
                "per_second:num latency_ms:percentiles ledgers:int generator_late_ms:num seed:int",
                run_bench},
};

} // namespace

Commands bench_commands() {
    return bench_table;
}

} // namespace hp::cli
