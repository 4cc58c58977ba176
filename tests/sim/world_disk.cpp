// SPDX-License-Identifier: Apache-2.0
// What nodes write, and when it is on the disk.
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

std::int64_t World::disk_time_us() {
    return !calm_ && random_.chance(options_.slow_disk)
               ? random_.between(0, options_.roundtime_ms * 1000)
               : random_.between(100, options_.disk_us_max);
}

void World::write(Host& host, std::function<void()> durable, std::function<void()> done) {
    host.disk_free_us = std::max(host.disk_free_us, now_us_) + disk_time_us();
    const std::uint64_t number = ++host.writes_count;
    host.writes.push_back({number, std::move(durable)});
    at_host(host.disk_free_us, host, [this, &host, done = std::move(done)] {
        const auto write = std::move(host.writes.front());
        host.writes.erase(host.writes.begin());
        write.durable();
        done();
    });
}

void World::perform(Host& host, const AppendLog& effect) {
    write(
        host,
        [&host, records = effect.records] {
            host.log.insert(host.log.end(), records.begin(), records.end());
        },
        [this, &host, number = effect.number] { feed(host, Logged{number}); });
}

void World::perform(Host& host, const Persist& effect) {
    const LedgerSeq seq = effect.ledger->header.seq;
    write(
        host,
        [this, &host, seq, effect] {
            if (!host.byzantine) {
                checker_.decided(host.index, *effect.ledger, *effect.certified);
            }
            host.ledgers[seq] = {effect.ledger, effect.certified};
            std::erase_if(host.log, [seq](const LogRecord& r) { return r.height <= seq; });
        },
        [this, &host, seq] { feed(host, Persisted{seq}); });
}

} // namespace hp::sim
