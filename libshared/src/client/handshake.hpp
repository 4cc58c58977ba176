// SPDX-License-Identifier: Apache-2.0
// The user's side of the handshake as a pure state machine: two messages in, one out. It signs
// nothing but real challenges and believes nothing before the server's own signature holds.
// Private to client/; any thread.
#pragma once

#include "hp/client/client.hpp"
#include "hp/proto/handshake.hpp"

namespace hp::client {

template <class T>
using Connected = tl::expected<T, ConnectError>;

class Handshake {
public:
    explicit Handshake(const Options& options);

    // The answer to user_challenge.
    Connected<Bytes> on_challenge(ByteView message);
    // After that: who the server is.
    Connected<ServerInfo> on_server_response(ByteView message) const;

private:
    Connected<void> check_expectations() const;

    const Options& options_; // outlives this
    std::string server_challenge_;
    proto::UserChallenge theirs_;
};

} // namespace hp::client
