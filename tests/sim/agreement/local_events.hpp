// SPDX-License-Identifier: Apache-2.0
// Every event of a scope that can reach a member: its timer, a restart, each certificate, each
// proposal with each justification, right or wrong, that faulty members could give it.
#pragma once

#include "local_machine.hpp"

namespace hp::agree {

struct LocalEvent {
    enum class Kind : std::uint8_t { timer, restart, certificate, propose };
    Kind kind = Kind::timer;
    std::string name;
    Statements needs = 0; // certificates it carries
    std::size_t mirrored = 0;
    consensus::SharedCertificate certificate;
    consensus::Propose propose;
};

std::vector<LocalEvent> all_events(const Scope& scope);

} // namespace hp::agree
