// SPDX-License-Identifier: Apache-2.0
#include "dev/dev_session.hpp"

#include "clock.hpp"
#include "hp/base/log.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace hp::dev {
namespace {

constexpr std::int64_t look_ms = 50; // for logs and signals
constexpr std::int64_t stop_timeout_ms = 5000;
constexpr std::size_t names_shown = 4;

constexpr std::string_view key_help =
    "  keys      q ends it (the ledger stays), r builds and deploys "
    "again, ? this\n"
    "            hpdev ps, logs, diff, state, node and hpcli "
    "work in other terminals\n";

std::vector<unsigned> all_nodes(const Cluster& cluster) {
    std::vector<unsigned> out;
    for (const ClusterNode& node : cluster.nodes) {
        out.push_back(node.number);
    }
    return out;
}

std::string counted(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (std::size_t i = 0; i < std::min(names.size(), names_shown); ++i) {
        out += (i == 0 ? "" : ", ") + names[i];
    }
    return out + (names.size() > names_shown ? ", ..." : "");
}

cli::JsonArray json_texts(const std::vector<std::string>& texts) {
    cli::JsonArray out;
    for (const std::string& text : texts) {
        out.add(text);
    }
    return out;
}

// Members of an answer that a command of ours has given; another type is as good as none.
std::string text_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}
std::uint64_t number_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}
Json list_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_array() ? *found : Json::array();
}

DevEvent failed_event(const std::string& name, const JobResult& result, std::int64_t took_ms) {
    DevEvent out{name, "failed", took_ms, result.error_text()};
    out.members.add("code", cli::info(result.failure().id).code);
    return out;
}

// "adds: when.txt  depends on the time of day"
std::string finding_text(const Json& finding) {
    const auto difference = finding.find("difference");
    std::string out = text_in(finding, "case");
    if (difference != finding.end() && difference->is_object()) {
        out += ": " + text_in(*difference, "where");
    }
    for (const Json& cause : list_in(finding, "causes")) {
        out += " depends on " + text_in(cause, "meaning");
        break; // the rest is for hpdev check
    }
    return out;
}

} // namespace

std::vector<std::string> build_step(const DevOptions& options) {
    return {"build", "--fast", "-C", options.root.string()};
}

std::vector<std::string> check_step(const DevOptions& options) {
    return {"check", "-C", options.root.string(), "--runs", "3"};
}

std::vector<std::string> deploy_step(const DevOptions& options) {
    return {"deploy", "-C", options.root.string(), "--cluster", options.cluster};
}

DevEvent build_event(const JobResult& result, std::int64_t took_ms) {
    if (!result.is_ok()) {
        return failed_event("build", result, took_ms);
    }
    const Json files = list_in(result.answer, "files");
    std::uint64_t bytes = 0;
    for (const Json& file : files) {
        bytes += number_in(file, "bytes");
    }
    DevEvent out{"build", "ok", took_ms,
                 counted(files.size(), "file") + ", " + std::to_string((bytes + 1023) / 1024) +
                     " KiB"};
    out.members.add("files", std::uint64_t{files.size()}).add("bytes", bytes);
    return out;
}

DevEvent check_event(const JobResult& result, std::int64_t took_ms) {
    const Json findings = list_in(result.answer, "findings");
    if (!result.is_ok() && findings.empty()) {
        return failed_event("check", result, took_ms); // it could not be made
    }
    DevEvent out{"check", findings.empty() ? "ok" : "warning", took_ms, ""};
    const std::uint64_t cases = number_in(result.answer, "cases");
    if (findings.empty()) {
        out.text = counted(cases, "case") + ", each the same on " +
                   std::to_string(number_in(result.answer, "nodes")) + " nodes that differ";
    } else {
        out.text = "nodes would disagree: " + finding_text(findings.front()) +
                   "   (hpdev check says more)";
        out.members.add("code", cli::info(cli::ErrorId::not_deterministic).code);
    }
    out.members.add("cases", cases).add("findings", std::uint64_t{findings.size()});
    return out;
}

DevEvent deploy_event(const JobResult& result, std::int64_t took_ms) {
    if (!result.is_ok()) {
        return failed_event("deploy", result, took_ms);
    }
    if (text_in(result.answer, "how") == "unchanged") {
        return {"deploy", "unchanged", took_ms, "the nodes have it already"};
    }
    std::vector<std::string> names;
    for (const Json& change : list_in(result.answer, "changes")) {
        const std::string how = text_in(change, "change");
        names.push_back(text_in(change, "path") + (how == "changed" ? "" : " (" + how + ")"));
    }
    const std::uint64_t ledger = number_in(result.answer, "ledger");
    const auto settings = result.answer.find("settings_changed");
    const bool other_settings = settings != result.answer.end() && *settings == true;
    DevEvent out{"deploy", "ok", took_ms,
                 "ledger " + std::to_string(ledger) + ", state kept (" +
                     counted(names.size(), "file") + " changed" +
                     (names.empty() ? "" : ": " + listed(names)) +
                     (other_settings ? "; settings changed" : "") + ")"};
    out.members.add("ledger", ledger).add("changed", json_texts(names));
    out.members.add("state_hash", text_in(result.answer, "new_state_hash"));
    return out;
}

DevSession::DevSession(const DevOptions& options, const DevReport& report, const Cluster& cluster,
                       EndSignals& signals, std::optional<SourceWatch> watch, bool with_keys)
    : options_(options), report_(report), cluster_(cluster), signals_(signals),
      watch_(std::move(watch)), logs_(cluster, {all_nodes(cluster), true, true}) {
    if (with_keys) {
        keys_.emplace();
    }
}

cli::Outcome DevSession::run() {
    HP_DEV_TRY(ControlClient client, ControlClient::connect(cluster_));
    HP_DEV_TRY_STATUS(client.send({{"verb", "events"}, {"topics", {"node"}}}));
    if (options_.check && !options_.strict) {
        HP_DEV_TRY_STATUS(begin(Step::check));
    }
    for (;;) {
        std::array<pollfd, 4> polled = {pollfd{client.descriptor(), POLLIN, 0},
                                        pollfd{watch_ ? watch_->descriptor() : -1, POLLIN, 0},
                                        pollfd{job_ ? job_->descriptor() : -1, POLLIN, 0},
                                        pollfd{keys_ ? STDIN_FILENO : -1, POLLIN, 0}};
        ::poll(polled.data(), polled.size(), next_look_ms());
        auto line = client.receive(0);
        if (!line) {
            break; // it has ended, as it was asked to or not
        }
        if (*line && (*line)->contains("event")) {
            HP_DEV_TRY_STATUS(show_event(**line));
        }
        if (polled[3].revents != 0) {
            HP_DEV_TRY_STATUS(on_key());
        }
        HP_DEV_TRY_STATUS(proceed());
        HP_DEV_TRY_STATUS(on_changes());
        HP_DEV_TRY_STATUS(show_logs());
        if (!end_if_asked(client)) {
            break;
        }
    }
    if (times_asked_ == 0) {
        return cli::failure(cli::ErrorId::cluster_down, "the cluster was taken down");
    }
    return cli::Answer{};
}

// Not later than sources that were saved can be built.
int DevSession::next_look_ms() const {
    const auto due_at_ms = watch_ ? watch_->due_at_ms() : std::nullopt;
    const std::int64_t left_ms = due_at_ms && can_build() ? *due_at_ms - now_mono_ms() : look_ms;
    return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, look_ms));
}

// At the second signal again, without patience.
Done DevSession::end_if_asked(ControlClient& client) {
    const int asked = signals_.count() + (wish_to_end_ ? 1 : 0);
    if (asked > times_asked_) {
        job_.reset();
        HP_DEV_TRY_STATUS(client.send(
            {{"verb", "down"}, {"timeout_ms", asked > 1 ? std::int64_t{0} : stop_timeout_ms}}));
        times_asked_ = asked;
    }
    return {};
}

// --- steps ---------------------------------------------------------------------------------------

Done DevSession::begin(Step step) {
    const std::vector<std::string> words = step == Step::build    ? build_step(options_)
                                           : step == Step::deploy ? deploy_step(options_)
                                                                  : check_step(options_);
    step_begun_ms_ = now_mono_ms();
    step_ = step;
    job_.reset();
    HP_DEV_TRY(Job job, Job::start(words, options_.scratch));
    job_.emplace(std::move(job));
    return {};
}

Done DevSession::proceed() {
    auto result = job_ ? job_->proceed() : std::nullopt;
    if (!result) {
        return {};
    }
    job_.reset();
    return finish(*result);
}

Done DevSession::finish(const JobResult& result) {
    const Step done = std::exchange(step_, Step::none);
    const std::int64_t took_ms = now_mono_ms() - step_begun_ms_;
    if (done == Step::build) {
        HP_DEV_TRY_STATUS(report_.show(build_event(result, took_ms)));
        return result.is_ok() ? begin(options_.strict ? Step::check_first : Step::deploy) : Done();
    }
    if (done == Step::deploy) {
        HP_DEV_TRY_STATUS(report_.show(deploy_event(result, now_mono_ms() - round_begun_ms_)));
        return options_.check && !options_.strict ? begin(Step::check) : Done();
    }
    HP_DEV_TRY_STATUS(report_.show(check_event(result, took_ms)));
    return done == Step::check_first && result.is_ok() ? begin(Step::deploy) : Done();
}

// What is saved while something is built or deployed waits; a check is begun anew anyway.
Done DevSession::on_changes() {
    if (!watch_) {
        return {};
    }
    watch_->on_ready();
    const auto due_at_ms = watch_->due_at_ms();
    if (!due_at_ms || now_mono_ms() < *due_at_ms || !can_build() || times_asked_ > 0) {
        return {};
    }
    const std::int64_t begun_ms = watch_->first_event_ms();
    if (watch_->take().empty()) {
        return {};
    }
    round_begun_ms_ = begun_ms;
    return begin(Step::build);
}

Done DevSession::on_key() {
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1 || key == 'q') { // also when the terminal has gone
        wish_to_end_ = true;
        return {};
    }
    if (key == '?') {
        return cli::write_answer(key_help);
    }
    if (key == 'r' && can_build()) {
        round_begun_ms_ = now_mono_ms();
        return begin(Step::build);
    }
    return {};
}

// --- what the cluster says -----------------------------------------------------------------------

Done DevSession::show_logs() {
    for (const LogRecord& record : logs_.more()) {
        const auto level = parse_log_level(record.level);
        const bool is_warning = !level || *level >= LogLevel::warning;
        const bool wanted = options_.logs == LogsShown::all ||
                            (options_.logs != LogsShown::none && is_warning) ||
                            (options_.logs == LogsShown::contract && record.source == "contract");
        if (wanted) {
            HP_DEV_TRY_STATUS(report_.show(record));
        }
    }
    return {};
}

Done DevSession::show_event(const Json& event) const {
    const std::string state = text_in(event, "state");
    if (times_asked_ > 0) {
        return {}; // they end because they were asked to
    }
    DevEvent out{text_in(event, "name"), state, -1, text_in(event, "what")};
    out.kind = "node";
    out.members.add("node", number_in(event, "node")).add("state", state);
    std::vector<std::string> log;
    for (const Json& line : list_in(event, "log")) {
        log.push_back(line.is_string() ? line.get<std::string>() : std::string());
    }
    out.members.add("log", json_texts(log));
    return report_.show(out);
}

} // namespace hp::dev
