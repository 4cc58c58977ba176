// SPDX-License-Identifier: Apache-2.0
// The three handshake messages (user-protocol.md section 4), always JSON. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hp/base/result.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/proto/user_message.hpp"

namespace hp::proto {

struct UserChallenge {
    std::string hp_version;
    std::string contract_id;
    std::string contract_version;
    std::string challenge; // 32 lowercase hex characters
};

struct UserChallengeResponse {
    Signature signature; // over the ASCII bytes of the challenge
    PublicKey key;
    std::optional<std::string> server_challenge; // 1 to 32 bytes of UTF-8
    Encoding encoding = Encoding::json;
};

struct ServerChallengeResponse {
    Signature signature; // over server_challenge + contract_id + contract_version
    PublicKey key;
    std::vector<PublicKey> unl; // ascending; not covered by the signature
};

Bytes encode_challenge(const UserChallenge& message);
Bytes encode_challenge_response(const UserChallengeResponse& message);
Bytes encode_server_response(const ServerChallengeResponse& message);

// The node's side. The signature is not checked here (verify_challenge_response does that).
Result<UserChallengeResponse> decode_challenge_response(ByteView message);

// The client's side. Refuses challenges that are not exactly 32 hex characters: signing anything
// longer would make the client an oracle for forged inputs (spec 18, C1).
Result<UserChallenge> decode_challenge(ByteView message);
Result<ServerChallengeResponse> decode_server_response(ByteView message);

bool verify_challenge_response(const UserChallengeResponse& response, std::string_view challenge);

// The bytes a node signs to prove its identity.
std::string server_signed_text(std::string_view server_challenge, std::string_view contract_id,
                               std::string_view contract_version);

} // namespace hp::proto
