// SPDX-License-Identifier: Apache-2.0
// Control messages of contracts (contract-protocol.md 8.5): any packet. What is understood must be
// what hp.cfg could hold as well, for that is where changes of the peers end up.
#include "contract/control_message.hpp"
#include "hp/base/check.hpp"
#include "hp/config/config_io.hpp"

namespace {

using namespace hp;

void check_peers(const std::vector<config::HostPort>& peers) {
    for (const config::HostPort& peer : peers) {
        const auto again = config::parse_host_port(peer.host + ":" + std::to_string(peer.port));
        HP_CHECK(again == peer, "a peer that is written differently than read");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto message = contract::decode_control_message({data, size});
    if (!message) {
        HP_CHECK(!message.err().context.empty(), "a refusal without a reason");
    } else if (const auto* changes = std::get_if<contract::PeerChangeset>(&*message)) {
        HP_CHECK(!changes->remove_all || changes->remove.empty(), "all, or some");
        check_peers(changes->add);
        check_peers(changes->remove);
    }
    return 0;
}
