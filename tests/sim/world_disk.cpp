// SPDX-License-Identifier: Apache-2.0
// What nodes write, when it is on the disk, and what a crash leaves of it. Writes reach the disk in
// order, so that what is there after a crash is a beginning of them.
#include <algorithm>

#include "world.hpp"

namespace hp::sim {

using namespace consensus;

namespace {

std::string_view name_of(LogRecord::Kind kind) {
    switch (kind) {
    case LogRecord::Kind::prepared:
        return "prepared";
    case LogRecord::Kind::committed:
        return "committed";
    case LogRecord::Kind::skipped:
        return "skipped";
    case LogRecord::Kind::certificate:
        return "certificate";
    }
    return "";
}

} // namespace

std::int64_t World::disk_time_us(Host& host) {
    const std::int64_t time_us = !calm_ && host.random.between(1, 100) <= options_.slow_disk_percent
                                     ? host.random.between(0, options_.roundtime_ms * 1000)
                                     : host.random.between(100, options_.disk_us_max);
    return time_us + host.disk_ms * 1000;
}

void World::write(Host& host, Host::Write write) {
    write.waits = host.disk_full;
    host.writes.push_back(std::move(write));
    if (!host.disk_full) {
        begin_write(host);
    }
}

void World::begin_write(Host& host) {
    host.disk_free_us = std::max(host.disk_free_us, now_us_) + disk_time_us(host);
    at_host(host.disk_free_us, host, [this, &host] { end_write(host); });
}

void World::end_write(Host& host) {
    const Host::Write write = std::move(host.writes.front());
    host.writes.erase(host.writes.begin());
    if (write.durable()) {
        write.done();
    } else {
        stop_for_disk(host);
    }
}

// What it holds in memory about its disk is worth nothing any more.
void World::stop_for_disk(Host& host) {
    say(host, "the disk has failed");
    host.writes.clear();
    crash(host);
    restart_later(host, host.random.between(1, 5'000));
}

// Space again, and as fast as usual.
void World::repair_disk(Host& host) {
    host.disk_ms = 0;
    host.disk_full = false;
    for (Host::Write& write : host.writes) {
        if (std::exchange(write.waits, false)) {
            begin_write(host);
        }
    }
}

// A beginning of what was on its way is there, and perhaps a part of the next.
void World::lose_writes(Host& host) {
    const auto full = std::find_if(host.writes.begin(), host.writes.end(),
                                   [](const Host::Write& write) { return write.waits; });
    const auto begun = static_cast<std::size_t>(full - host.writes.begin());
    const std::size_t survive = host.random.below(begun + 1);
    bool works = true;
    for (std::size_t i = 0; i < survive && works; ++i) {
        works = host.writes[i].durable();
    }
    if (works && survive < begun && host.writes[survive].torn) {
        host.writes[survive].torn();
    } else {
        host.disk.stop(host.random.chance(0.5));
    }
    host.writes.clear();
    host.disk_free_us = 0;
}

// The log knows before anybody else does whether the node remembers its votes.
void World::note_memory(Host& host) {
    if (host.disk.is_complete() == host.engine->may_have_forgotten()) {
        host.disk.set_complete(!host.engine->may_have_forgotten());
        say(host, host.disk.is_complete() ? "votes again" : "follows without voting");
    }
}

// While it is down: its vote log alone, or everything.
void World::spoil(Host& host) {
    crash(host);
    if (host.starts > 0) {
        say(host, host.disk.spoil(host.random));
    }
}

void World::make_backup(Host& host) {
    crash(host);
    if (!host.ledgers.empty()) {
        host.backup = {host.ledgers.rbegin()->first, host.state};
        host.disk.make_backup();
    }
}

void World::restore_backup(Host& host) {
    crash(host);
    if (!host.backup) {
        return;
    }
    say(host, "everything is put back to ledger " + std::to_string(host.backup->head));
    host.ledgers.erase(host.ledgers.upper_bound(host.backup->head), host.ledgers.end());
    host.joined.erase(host.joined.upper_bound(host.backup->head), host.joined.end());
    host.state = host.backup->state;
    host.disk.restore_backup();
    host.boots_from_us = now_us_ + 1'000'000; // nobody restores a node within a second
}

// A trap for whoever writes this next: before it is durable, in the middle, or when it is durable
// but nobody knows yet.
bool World::crash_writing(Host& host, const std::vector<LogRecord>& records, bool ledger) {
    const auto fits = [&](const Action& trap) {
        return trap.word == "any" || (ledger && trap.word == "ledger") ||
               std::any_of(records.begin(), records.end(), [&trap](const LogRecord& record) {
                   return trap.word == name_of(record.kind);
               });
    };
    const std::optional<Action> trap = spring(host, Verb::crash_writing, fits);
    if (!trap) {
        return false;
    }
    const Host::Write last = std::move(host.writes.back());
    host.writes.pop_back();
    if (trap->moment != "before") { // what is in front of it in the queue is on the disk as well
        bool works = true;
        for (const Host::Write& earlier : host.writes) {
            works = works && earlier.durable();
        }
        host.writes.clear();
        if (works && trap->moment == "after") {
            last.durable();
        } else if (works && last.torn) {
            last.torn();
        }
    }
    crash(host);
    restart_later(host, trap->number);
    return true;
}

void World::perform(Host& host, const AppendLog& effect) {
    const auto records = std::make_shared<const std::vector<LogRecord>>(effect.records);
    Host::Write log;
    log.durable = [this, &host, records] {
        if (!calm_ && host.random.between(1, 1000) <= options_.disk_failures_permille) {
            host.disk.fail_next_append(host.random);
        }
        return host.disk.append(*records);
    };
    log.torn = [&host, records] { host.disk.die_appending(*records, host.random); };
    log.done = [this, &host, number = effect.number] { feed(host, Logged{number}); };
    if (sabotage_.log_not_synced) {
        log.done = [] {};
    }
    write(host, std::move(log));
    if (!crash_writing(host, effect.records, false) && sabotage_.log_not_synced) {
        feed(host, Logged{effect.number});
    }
}

void World::perform(Host& host, const Persist& effect) {
    const LedgerSeq seq = effect.ledger->header.seq;
    Host::Write ledger;
    ledger.durable = [this, &host, seq, effect] {
        if (!host.byzantine) {
            checker_.decided(host.index, *effect.ledger, *effect.certified);
        }
        host.ledgers[seq] = {effect.ledger, effect.certified};
        if (effect.joined) {
            host.joined[seq] = effect.joined->nonces;
            checker_.passed_over(host.index);
        }
        host.disk.decided(seq);
        return true;
    };
    ledger.done = [this, &host, seq] { feed(host, Persisted{seq}); };
    if (sabotage_.ledger_not_synced) {
        ledger.done = [] {};
    }
    write(host, std::move(ledger));
    if (!crash_writing(host, {}, true) && sabotage_.ledger_not_synced) {
        if (!host.byzantine) {
            checker_.decided(host.index, *effect.ledger, *effect.certified);
        }
        feed(host, Persisted{seq});
    }
}

} // namespace hp::sim
