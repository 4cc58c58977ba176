// SPDX-License-Identifier: Apache-2.0
#include "contract/test_verdict.hpp"

#include "cli/json_writer.hpp"
#include "contract/dev_names.hpp"
#include "contract/difference.hpp"
#include "contract/outcome_text.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using PlainJson = nlohmann::json; // the order of members does not matter here

constexpr const char* none = "(none)";
constexpr std::size_t file_bytes_max = 256 * limits::mib;

PlainJson parse(ByteView content) {
    return cli::nests_too_deeply(as_text(content))
               ? PlainJson(PlainJson::value_t::discarded)
               : PlainJson::parse(content.begin(), content.end(), nullptr, false);
}

bool fits(const Wanted& wanted, ByteView got) {
    return wanted.is_json ? parse(wanted.content) == parse(got)
                          : std::ranges::equal(wanted.content, got);
}

class Verdict {
public:
    Verdict(const TestRound& round, bool update) : round_(round), update_(update) {}

    void check_end(const RunOutcome& run);
    void check_outputs(const std::vector<RunOutcome>& runs);
    void check_state(const fs::path& seed);
    void check_npl(const RunOutcome& run);
    void check_patch(const fs::path& seed);
    std::vector<Mismatch> found;

private:
    void compare(const Wanted& wanted, ByteView got, const std::string& what);
    void compare_lists(const std::vector<const Wanted*>& wanted, std::vector<Bytes> got,
                       const std::string& what);
    void put_in_order(const std::vector<const Wanted*>& wanted, std::vector<Bytes>& got) const;

    const TestRound& round_;
    bool update_;
};

void Verdict::compare(const Wanted& wanted, ByteView got, const std::string& what) {
    if (fits(wanted, got)) {
        return;
    }
    if (update_ && !wanted.golden.empty()) {
        const Status written = os::replace_file(wanted.golden, got, 0644);
        if (!written) {
            found.push_back(
                {wanted.line, what, "to write the golden file", written.err().context, ""});
        }
        return;
    }
    std::string at;
    if (wanted.is_json && !parse(got).is_discarded()) {
        // Members in the same order, so that only values count.
        at = first_json_difference(as_bytes(parse(wanted.content).dump()),
                                   as_bytes(parse(got).dump()));
    }
    found.push_back({wanted.line, what, one_line(wanted.content), one_line(got), at});
}

// Those that are wanted at their places, whatever else there is behind them.
void Verdict::put_in_order(const std::vector<const Wanted*>& wanted,
                           std::vector<Bytes>& got) const {
    for (std::size_t i = 0; i < wanted.size() && i < got.size(); ++i) {
        const auto from = got.begin() + static_cast<std::ptrdiff_t>(i);
        const auto match =
            std::find_if(from, got.end(), [&](const Bytes& one) { return fits(*wanted[i], one); });
        if (match != got.end()) {
            std::iter_swap(from, match);
        }
    }
}

void Verdict::compare_lists(const std::vector<const Wanted*>& wanted, std::vector<Bytes> got,
                            const std::string& what) {
    if (round_.unordered) {
        put_in_order(wanted, got);
    }
    for (std::size_t i = 0; i < std::max(wanted.size(), got.size()); ++i) {
        const std::string one = what + " " + std::to_string(i + 1);
        if (i >= wanted.size()) {
            found.push_back({round_.line, one, none, one_line(got[i]), ""});
        } else if (i >= got.size()) {
            found.push_back({wanted[i]->line, one, one_line(wanted[i]->content), none, ""});
        } else {
            compare(*wanted[i], got[i], one);
        }
    }
}

void Verdict::check_end(const RunOutcome& run) {
    const contract::RunResult& result = run.result;
    const bool good = round_.timeout ? result.end == contract::RunEnd::timed_out
                      : round_.signal != 0
                          ? result.end == contract::RunEnd::signaled && result.code == round_.signal
                          : result.end == contract::RunEnd::exited && result.code == round_.exit;
    if (good) {
        return;
    }
    const std::string want = round_.timeout ? "time out"
                             : round_.signal != 0
                                 ? "killed by signal " + std::to_string(round_.signal)
                                 : "exit code " + std::to_string(round_.exit);
    std::string got = contract::describe(result);
    const std::string& said = run.complained.empty() ? run.printed : run.complained;
    if (!said.empty()) {
        got += "; it said: " + one_line(as_bytes(said));
    }
    found.push_back({round_.line, "end of the run", want, got, ""});
}

void Verdict::check_outputs(const std::vector<RunOutcome>& runs) {
    if (!round_.outputs) {
        return;
    }
    std::map<std::string, std::pair<std::vector<const Wanted*>, std::vector<Bytes>>> users;
    for (const WantedOutput& one : *round_.outputs) {
        users[one.user].first.push_back(&one.what);
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
        for (const contract::UserOutputs& user : runs[i].result.outputs) {
            auto& got = users[user_name(round_.runs[i], user.key)].second;
            got.insert(got.end(), user.messages.begin(), user.messages.end());
        }
    }
    for (auto& [name, both] : users) {
        compare_lists(both.first, std::move(both.second), "to " + name + ", output");
    }
}

void Verdict::check_state(const fs::path& seed) {
    for (const WantedFile& file : round_.state) {
        const std::string what = "state/" + file.path;
        const auto content = os::read_file(seed / "state" / file.path, file_bytes_max);
        if (!content && file.what) {
            if (!update_ || file.what->golden.empty()) {
                found.push_back(
                    {file.line, what, one_line(file.what->content), "no such file", ""});
            }
        } else if (content && !file.what) {
            found.push_back({file.line, what, "no such file", one_line(*content), ""});
        } else if (content) {
            compare(*file.what, *content, what);
        }
    }
}

void Verdict::check_npl(const RunOutcome& run) {
    if (!round_.npl) {
        return;
    }
    std::vector<const Wanted*> wanted;
    for (const Wanted& one : *round_.npl) {
        wanted.push_back(&one);
    }
    compare_lists(wanted, run.npl, "NPL message");
}

void Verdict::check_patch(const fs::path& seed) {
    if (!round_.patch) {
        return;
    }
    const auto content = os::read_file(seed / "patch.cfg", limits::patch_bytes_max);
    const PlainJson got = content ? parse(*content) : PlainJson();
    const PlainJson wanted = parse(round_.patch->content);
    for (const auto& [name, value] : wanted.items()) {
        const PlainJson found_value =
            got.is_object() && got.contains(name) ? got[name] : PlainJson();
        if (found_value != value) {
            found.push_back(
                {round_.patch->line, "patch.cfg, " + name, value.dump(), found_value.dump(), ""});
        }
    }
}

} // namespace

std::vector<Mismatch> check_round(const TestRound& round, const std::vector<RunOutcome>& runs,
                                  const fs::path& seed, bool update) {
    Verdict verdict(round, update);
    for (const RunOutcome& run : runs) {
        verdict.check_end(run);
    }
    verdict.check_outputs(runs);
    verdict.check_state(seed);
    if (!runs.empty()) {
        verdict.check_npl(runs.front());
    }
    verdict.check_patch(seed);
    return std::move(verdict.found);
}

} // namespace hp::dev
