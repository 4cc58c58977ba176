// SPDX-License-Identifier: Apache-2.0
// The people and nodes of runs without a cluster: each name and number stands for one key pair, the
// same on every machine and for ever, so that test cases can be written down. Anybody can make
// these keys: they protect nothing. Pure; any thread.
#pragma once

#include "hp/crypto/keys.hpp"

#include <cstddef>
#include <string_view>

namespace hp::dev {

crypto::KeyPair user_keys(std::string_view name);
crypto::KeyPair node_keys(std::size_t number); // from 1

} // namespace hp::dev
