// SPDX-License-Identifier: Apache-2.0
// Answers the requests of peers that sync a state, from the kept versions. Runs and rounds do not
// wait for it: it takes no lock that they hold for longer than a pointer is copied. Who may ask,
// and how much, is for the caller to decide.
// One thread per object; any thread but the store's.
#pragma once

#include "state/sync/message.hpp"
#include "state/version_reader.hpp"

namespace hp::state::sync {

class Server {
public:
    // `versions` must outlive the server.
    explicit Server(const KeptVersions& versions) : reader_(versions) {}

    // The encoded answer; an error when the request breaks the rules, which no honest peer's does.
    Result<Bytes> answer(ByteView request);

private:
    AnswerItem answer_item(const RequestItem& item);
    AnswerItem description(const RequestItem& item, const Entry& entry);
    AnswerItem chunks(const RequestItem& item, const Entry& entry);

    VersionReader reader_;
    // Large descriptions are asked for part by part: the last one is kept.
    Hash32 described_;
    Bytes description_;
};

} // namespace hp::state::sync
