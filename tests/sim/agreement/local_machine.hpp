// SPDX-License-Identifier: Apache-2.0
// Everything one member can ever become: the real Agreement class driven through every order of
// every event of a small scope, tabulated. Two situations that differ in nothing watched (votes,
// and the log if asked for), now or after any further events, are one state (partition refinement),
// so the table is small enough to search all combinations of members. Built once, then read only.
#pragma once

#include <cstdint>
#include <vector>

#include "statements.hpp"

namespace hp::agree {

struct Scope {
    std::size_t members = 4;
    std::size_t quorum = 3;
    std::size_t byzantine = 1;
    Attempt attempts = 3;
    std::size_t values = 2;
    // Tell states apart by what a restart would give back, and see from each whether all members
    // decide after one.
    bool watch_logs = false;
    bool lemmas = true; // also watch what the argument for safety claims on its way
    consensus::LiftedGuards lifted;

    std::size_t honest() const { return members - byzantine; }
    // Honest statements that complete a certificate when all faulty members sign everything.
    std::size_t needed() const { return quorum > byzantine ? quorum - byzantine : 0; }
};

// A set of statements about attempts and values as bits: PREPARE and COMMIT have one for each
// attempt and value, SKIP one for each attempt.
using Statements = std::uint32_t;

class StatementBits {
public:
    explicit StatementBits(const Scope& scope)
        : attempts_(scope.attempts), values_(static_cast<unsigned>(scope.values)) {}
    Statements prepare(Attempt attempt, std::size_t value) const {
        return bit(attempt * values_ + static_cast<unsigned>(value));
    }
    Statements commit(Attempt attempt, std::size_t value) const {
        return bit(attempts_ * values_ + attempt * values_ + static_cast<unsigned>(value));
    }
    Statements skip(Attempt attempt) const { return bit(2 * attempts_ * values_ + attempt); }
    unsigned size() const { return 2 * attempts_ * values_ + attempts_; }

private:
    static Statements bit(unsigned index) { return Statements{1} << index; }
    unsigned attempts_;
    unsigned values_;
};

class LocalMachine {
public:
    using State = std::uint32_t;
    struct Step {
        Statements needs; // certificates that must be possible
        State to;
        std::uint32_t event;
    };
    struct Row {
        Statements cast = 0;                   // what this member has signed
        State mirrored = 0;                    // the state with values 0 and 1 exchanged
        std::vector<Step> steps;               // those that lead elsewhere
        std::vector<consensus::LogRecord> log; // if logs are watched
    };

    explicit LocalMachine(const Scope& scope);

    const std::vector<Row>& rows() const { return rows_; } // state 0 is the start
    std::size_t situations() const { return situations_; } // before merging
    std::string event_name(std::uint32_t event) const { return names_[event]; }

private:
    std::vector<Row> rows_;
    std::vector<std::string> names_;
    std::size_t situations_ = 0;
};

} // namespace hp::agree
