// SPDX-License-Identifier: Apache-2.0
#include "exhaustive_search.hpp"

#include <algorithm>
#include <array>

#include "completion.hpp"
#include "hp/base/check.hpp"

namespace hp::agree {
namespace {

using State = LocalMachine::State;
using Packed = std::uint64_t;

constexpr std::size_t honest_max = 6;
using Members = std::array<State, honest_max>;

// A set of nonzero numbers with open addressing; values are their order of arrival.
class NumberSet {
public:
    NumberSet() : slots_(1 << 16) {}

    // Whether it is new.
    bool insert(Packed number) {
        if ((numbers_.size() + 1) * 2 > slots_.size()) {
            grow();
        }
        std::uint32_t& slot = slots_[find(number)];
        if (slot != 0) {
            return false;
        }
        numbers_.push_back(number);
        slot = static_cast<std::uint32_t>(numbers_.size());
        return true;
    }
    std::size_t size() const { return numbers_.size(); }
    Packed operator[](std::size_t index) const { return numbers_[index]; }

private:
    std::size_t find(Packed number) const {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = (number * 0x9E3779B97F4A7C15ULL) >> 20 & mask;
        while (slots_[at] != 0 && numbers_[slots_[at] - 1] != number) {
            at = (at + 1) & mask;
        }
        return at;
    }
    void grow() {
        slots_.assign(slots_.size() * 2, 0);
        for (std::size_t i = 0; i < numbers_.size(); ++i) {
            slots_[find(numbers_[i])] = static_cast<std::uint32_t>(i + 1);
        }
    }

    std::vector<Packed> numbers_;
    std::vector<std::uint32_t> slots_; // index into numbers_ plus 1
};

class Search {
public:
    Search(const Scope& scope, std::size_t states_max)
        : scope_(scope), bits_(scope), machine_(scope), states_max_(states_max) {
        HP_CHECK(scope.honest() <= honest_max, "too many honest members");
        while (machine_.rows().size() >> width_ != 0) {
            ++width_;
        }
        HP_CHECK(width_ * scope.honest() <= 64, "the combinations do not fit a number");
        for (Attempt a = 0; a < scope.attempts; ++a) {
            for (std::size_t v = 0; v < scope.values; ++v) {
                commits_[v] |= bits_.commit(a, v);
            }
        }
    }

    SearchResult run() {
        SearchResult result;
        result.situations = machine_.situations();
        result.local_states = machine_.rows().size();
        visit(Members{}, 0, 0);
        std::size_t level_end = 1;
        for (std::size_t i = 0; i < seen_.size() && seen_.size() < states_max_; ++i) {
            if (i == level_end) {
                level_end = seen_.size();
                ++result.depth;
            }
            expand(i, result);
            if (!result.violation.empty()) {
                break;
            }
            result.complete = i + 1 == seen_.size();
        }
        result.states = seen_.size();
        return result;
    }

private:
    struct Origin {
        std::uint32_t from = 0;
        std::uint32_t event = 0;
    };

    void expand(std::size_t index, SearchResult& result) {
        const Members members = unpack(seen_[index]);
        const Statements made = certified(members);
        check(made, result);
        if (scope_.watch_logs && result.violation.empty()) {
            check_end(members, index, result);
        }
        if (!result.violation.empty()) {
            tell_way(index, result);
            return;
        }
        for (std::size_t m = 0; m < scope_.honest(); ++m) {
            if (m > 0 && members[m] == members[m - 1]) {
                continue; // an equal member has done the same
            }
            for (const LocalMachine::Step& step : machine_.rows()[members[m]].steps) {
                if ((step.needs & ~made) == 0) {
                    ++result.steps;
                    Members next = members;
                    next[m] = step.to;
                    visit(next, static_cast<std::uint32_t>(index), step.event);
                }
            }
        }
    }

    // Statements for which a certificate is possible: enough honest members have made them.
    Statements certified(const Members& members) const {
        std::array<Statements, honest_max + 1> by_at_least{};
        by_at_least[0] = ~Statements{0};
        for (std::size_t m = 0; m < scope_.honest(); ++m) {
            const Statements cast = machine_.rows()[members[m]].cast;
            for (std::size_t count = m + 1; count > 0; --count) {
                by_at_least[count] |= by_at_least[count - 1] & cast;
            }
        }
        return by_at_least[scope_.needed()];
    }

    void check(Statements made, SearchResult& result) const {
        if ((made & commits_[0]) != 0 && (made & commits_[1]) != 0) {
            result.violation = "two ledgers can be decided";
        }
        for (Attempt a = 0; scope_.lemmas && a < scope_.attempts; ++a) {
            const bool both =
                (made & bits_.prepare(a, 0)) != 0 && (made & bits_.prepare(a, 1)) != 0;
            const Statements commits = bits_.commit(a, 0) | bits_.commit(a, 1);
            if (both) {
                result.violation = "two prepare certificates in one attempt";
            } else if ((made & bits_.skip(a)) != 0 && (made & commits) != 0) {
                result.violation = "an attempt both skipped and committed";
            }
        }
    }

    // All restart and the network becomes good. Who of the members is in which of the situations,
    // and who leads first, goes around from one combination to the next.
    void check_end(const Members& members, std::size_t index, SearchResult& result) const {
        std::vector<std::vector<consensus::LogRecord>> logs;
        for (std::size_t m = 0; m < scope_.honest(); ++m) {
            logs.push_back(machine_.rows()[members[(m + index) % scope_.honest()]].log);
        }
        if ((index / scope_.honest()) % 2 == 1) {
            std::reverse(logs.begin(), logs.end());
        }
        Cluster cluster{scope_.members, scope_.quorum, scope_.byzantine, {}};
        cluster.sabotage.lifted = scope_.lifted;
        const std::size_t first_leader = index / (2 * scope_.honest()) % scope_.members;
        const Outcome outcome = complete(cluster, logs, first_leader);
        ++result.completions;
        if (outcome != Outcome::decided) {
            result.violation = "after a restart of all: " + std::string(to_string(outcome));
        }
    }

    void tell_way(std::size_t index, SearchResult& result) const {
        for (std::size_t at = index; at != 0; at = origins_[at].from) {
            result.way.push_back(machine_.event_name(origins_[at].event));
        }
        std::reverse(result.way.begin(), result.way.end());
    }

    void visit(Members members, std::uint32_t from, std::uint32_t event) {
        Members mirrored{};
        for (std::size_t m = 0; m < scope_.honest(); ++m) {
            mirrored[m] = machine_.rows()[members[m]].mirrored;
        }
        if (seen_.insert(std::min(pack(members), pack(mirrored)))) {
            origins_.push_back({from, event});
        }
    }

    Packed pack(Members& members) const {
        std::sort(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(scope_.honest()));
        Packed packed = 0;
        for (std::size_t m = 0; m < scope_.honest(); ++m) {
            packed = packed << width_ | members[m];
        }
        return packed;
    }
    Members unpack(Packed packed) const {
        Members members{};
        for (std::size_t m = scope_.honest(); m-- > 0;) {
            members[m] = static_cast<State>(packed & ((Packed{1} << width_) - 1));
            packed >>= width_;
        }
        return members;
    }

    const Scope& scope_;
    StatementBits bits_;
    LocalMachine machine_;
    std::size_t states_max_;
    std::size_t width_ = 1; // bits of a local state
    std::array<Statements, 2> commits_{};
    NumberSet seen_;
    std::vector<Origin> origins_;
};

} // namespace

SearchResult search(const Scope& scope, std::size_t states_max) {
    return Search(scope, states_max).run();
}

} // namespace hp::agree
