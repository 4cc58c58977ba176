// SPDX-License-Identifier: Apache-2.0
#include "local_machine.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "hp/base/check.hpp"
#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"
#include "local_events.hpp"

namespace hp::agree {

using consensus::Agreement;
using consensus::AgreementOutput;
using consensus::LogRecord;
using consensus::StatementKind;

namespace {

using State = LocalMachine::State;

// One situation of a member: the object itself, what is durable, and what it has signed.
struct Situation {
    Agreement agreement;
    std::vector<LogRecord> log;
    Statements cast = 0;
};

// Where an event leads, if not back.
struct Exit {
    std::uint32_t column = 0;
    State to = 0;
};
using Exits = std::vector<Exit>; // ascending by column

// All situations and where each event leads, found breadth first. A column is an event together
// with how many of its log records a crash right after it leaves durable; 0 stands for no crash.
struct Table {
    std::vector<Situation> situations; // the first is the start
    std::vector<Exits> exits;          // by situation
    std::vector<State> mirrored;
    std::vector<std::string> names; // of the columns
    std::vector<Statements> needs;
    std::uint32_t restart = 0; // the column

    State next(State from, std::uint32_t column) const {
        const Exits& known = exits[from];
        const auto found = std::lower_bound(
            known.begin(), known.end(), column,
            [](const Exit& exit, std::uint32_t wanted) { return exit.column < wanted; });
        return found != known.end() && found->column == column ? found->to : from;
    }
};

class Explorer {
public:
    explicit Explorer(const Scope& scope)
        : scope_(scope), bits_(scope), events_(all_events(scope)) {
        setup_.height = height;
        setup_.members = member_keys(scope.members);
        setup_.leaders = setup_.members;
        setup_.quorum = scope.quorum;
        setup_.self = member_key(0); // who one is plays no part in how one reacts
        setup_.lifted = scope.lifted;
        for (const LocalEvent& event : events_) {
            if (event.kind == LocalEvent::Kind::restart) {
                table_.restart = static_cast<std::uint32_t>(table_.names.size());
            }
            for (std::size_t kept = 0; kept <= torn_max(); ++kept) {
                const std::string crash =
                    ", crash with " + std::to_string(kept) + " log records kept";
                table_.names.push_back(event.name + (kept == 0 ? "" : crash));
                table_.needs.push_back(event.needs);
            }
        }
    }

    Table run() {
        add({Agreement(setup_, {}), {}, 0});
        for (State from = 0; from < table_.situations.size(); ++from) {
            table_.exits.emplace_back();
            for (std::size_t e = 0; e < events_.size(); ++e) {
                apply(from, e);
            }
        }
        mirror();
        return std::move(table_);
    }

private:
    // A skip certificate can leave this many records and one more.
    std::size_t torn_max() const { return scope_.attempts; }

    void apply(State from, std::size_t e) {
        Situation next = table_.situations[from];
        AgreementOutput out;
        deliver(events_[e], next, out);
        const auto column = static_cast<std::uint32_t>(e * (torn_max() + 1));
        // A proposal's records are those of its certificates, one after the other, and one more.
        const bool tears = events_[e].kind == LocalEvent::Kind::certificate;
        std::vector<State> found;
        for (std::size_t kept = 1; tears && kept < out.log.size(); ++kept) {
            HP_CHECK(kept <= torn_max(), "more records at once than expected");
            Situation torn = table_.situations[from];
            torn.log.insert(torn.log.end(), out.log.begin(),
                            out.log.begin() + static_cast<std::ptrdiff_t>(kept));
            torn.agreement = Agreement(setup_, torn.log);
            repeat(torn);
            found.push_back(add(std::move(torn)));
        }
        next.log.insert(next.log.end(), out.log.begin(), out.log.end());
        sign(out, next);
        found.insert(found.begin(), add(std::move(next)));
        for (std::uint32_t kept = 0; kept < found.size(); ++kept) {
            if (found[kept] != from) {
                table_.exits[from].push_back({column + kept, found[kept]});
            }
        }
    }

    void deliver(const LocalEvent& event, Situation& to, AgreementOutput& out) const {
        switch (event.kind) {
        case LocalEvent::Kind::timer:
            if (to.agreement.current() < scope_.attempts) {
                to.agreement.on_timer(to.agreement.current(), out);
            }
            return;
        case LocalEvent::Kind::restart:
            to.agreement = Agreement(setup_, to.log);
            repeat(to);
            return;
        case LocalEvent::Kind::certificate:
            to.agreement.on_certificate(event.certificate, out);
            return;
        case LocalEvent::Kind::propose:
            if (to.agreement.admits(event.propose, out)) {
                to.agreement.on_valid(event.propose.attempt, event.propose.block, out);
            }
            return;
        }
    }

    void sign(const AgreementOutput& out, Situation& by) const {
        for (const consensus::VoteIntent& vote : out.votes) {
            if (vote.attempt >= scope_.attempts) {
                continue;
            }
            by.cast |= vote.kind == StatementKind::skip ? bits_.skip(vote.attempt)
                       : vote.kind == StatementKind::prepare
                           ? bits_.prepare(vote.attempt, value_of(vote.digest))
                           : bits_.commit(vote.attempt, value_of(vote.digest));
        }
    }

    // What a restarted member says again, and with it what a crash kept it from saying.
    void repeat(Situation& by) const {
        AgreementOutput out;
        by.agreement.repeat(out);
        sign(out, by);
    }

    State add(Situation&& situation) {
        Writer print;
        print.raw(situation.agreement.fingerprint());
        print.u32(situation.cast);
        const auto [found, added] =
            index_.emplace(crypto::b3(print.view()), static_cast<State>(table_.situations.size()));
        if (added) {
            table_.situations.push_back(std::move(situation));
        }
        return found->second;
    }

    // The start mirrors itself; the mirror of a step is the mirrored event from the mirror.
    void mirror() {
        constexpr State unknown = ~State{0};
        std::vector<State>& mirrored = table_.mirrored;
        mirrored.assign(table_.situations.size(), unknown);
        mirrored[0] = 0;
        std::vector<State> todo{0};
        while (!todo.empty()) {
            const State from = todo.back();
            todo.pop_back();
            for (const auto [column, to] : table_.exits[from]) {
                const std::size_t kept = column % (torn_max() + 1);
                const std::size_t e = events_[column / (torn_max() + 1)].mirrored;
                const State there = table_.next(
                    mirrored[from], static_cast<std::uint32_t>(e * (torn_max() + 1) + kept));
                if (mirrored[to] == unknown) {
                    mirrored[to] = there;
                    todo.push_back(to);
                }
                HP_CHECK(mirrored[to] == there, "values must play symmetric parts");
            }
        }
    }

    const Scope& scope_;
    StatementBits bits_;
    std::vector<LocalEvent> events_;
    Agreement::Setup setup_;
    Table table_;
    std::unordered_map<Hash32, State, IdHash<Hash32>> index_;
};

// Moore's partition refinement: the coarsest classes whose members look the same and stay together
// under every event.
std::vector<State> classes_of(const Table& table, bool watch_logs, std::size_t& count) {
    std::vector<State> classes(table.situations.size());
    std::map<std::pair<Statements, State>, State> by_look;
    for (std::size_t i = 0; i < classes.size(); ++i) {
        const State restarted = watch_logs ? table.next(static_cast<State>(i), table.restart) : 0;
        classes[i] = by_look
                         .emplace(std::pair(table.situations[i].cast, restarted),
                                  static_cast<State>(by_look.size()))
                         .first->second;
    }
    count = by_look.size();
    for (;;) {
        std::unordered_map<std::string, State> by_signature;
        std::vector<State> refined(classes.size());
        for (std::size_t i = 0; i < classes.size(); ++i) {
            std::string signature(reinterpret_cast<const char*>(&classes[i]), sizeof(State));
            for (const auto& [column, to] : table.exits[i]) {
                if (classes[to] != classes[i]) {
                    const std::array<State, 2> exit{column, classes[to]};
                    signature.append(reinterpret_cast<const char*>(exit.data()), sizeof exit);
                }
            }
            refined[i] =
                by_signature.emplace(std::move(signature), static_cast<State>(by_signature.size()))
                    .first->second;
        }
        classes = std::move(refined);
        if (by_signature.size() == count) {
            return classes;
        }
        count = by_signature.size();
    }
}

// Of several steps to one state the ones that need least are enough.
void add_step(std::vector<LocalMachine::Step>& steps, LocalMachine::Step step) {
    const auto covers = [](const LocalMachine::Step& a, const LocalMachine::Step& b) {
        return a.to == b.to && (a.needs & b.needs) == a.needs;
    };
    for (const LocalMachine::Step& known : steps) {
        if (covers(known, step)) {
            return;
        }
    }
    std::erase_if(steps, [&](const LocalMachine::Step& known) { return covers(step, known); });
    steps.push_back(step);
}

} // namespace

LocalMachine::LocalMachine(const Scope& scope) {
    HP_CHECK(StatementBits(scope).size() <= 32, "the scope does not fit its bits");
    const Table table = Explorer(scope).run();
    situations_ = table.situations.size();
    names_ = table.names;
    std::size_t count = 0;
    const std::vector<State> classes = classes_of(table, scope.watch_logs, count);
    // Situation 0 was numbered first in every round, so the start stays state 0.
    rows_.resize(count);
    std::vector<bool> filled(count);
    for (State i = 0; i < classes.size(); ++i) {
        Row& row = rows_[classes[i]];
        if (filled[classes[i]]) {
            continue;
        }
        filled[classes[i]] = true;
        row.cast = table.situations[i].cast;
        row.mirrored = classes[table.mirrored[i]];
        row.log = scope.watch_logs ? table.situations[i].log : std::vector<LogRecord>{};
        for (const auto& [column, to] : table.exits[i]) {
            if (classes[to] != classes[i]) {
                add_step(row.steps, {table.needs[column], classes[to], column});
            }
        }
    }
}

} // namespace hp::agree
