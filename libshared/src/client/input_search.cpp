// SPDX-License-Identifier: Apache-2.0
#include "hp/client/input_search.hpp"

namespace hp::client {
namespace {

struct Search : std::enable_shared_from_this<Search> {
    Search(Client& c, const Hash32& i, LedgerSeq first, LedgerSeq l, Callback<FoundInput> done)
        : client(c), input(i), next(first), last(l), on_done(std::move(done)) {
        found.presence = Presence::absent;
    }

    void ask() {
        client.query(next, true, false,
                     [self = shared_from_this()](const auto& ledger) { self->on_ledger(ledger); });
    }

    void on_ledger(const Result<std::optional<proto::QueriedLedger>>& ledger) {
        if (!ledger) {
            on_done(fail(ledger.err()));
            return;
        }
        const Presence here = *ledger ? find_input(**ledger, input) : Presence::unknown;
        if (here == Presence::present) {
            on_done(FoundInput{here, {next, (*ledger)->header.hash}});
            return;
        }
        if (here == Presence::unknown) {
            found.presence = here;
        }
        if (next == last) {
            on_done(found);
            return;
        }
        ++next;
        ask();
    }

    Client& client;
    const Hash32 input;
    LedgerSeq next;
    const LedgerSeq last;
    FoundInput found;
    Callback<FoundInput> on_done;
};

} // namespace

void search_input(Client& client, const Hash32& input, LedgerSeq first, LedgerSeq last,
                  Callback<FoundInput> on_done) {
    std::make_shared<Search>(client, input, first, std::max(first, last), std::move(on_done))
        ->ask();
}

} // namespace hp::client
