// SPDX-License-Identifier: Apache-2.0
//
// Inputs, outputs and lookup of users.
//
// Threads: see user.hpp.
#include "find_by_key.hpp"
#include "io.hpp"

#include <hp/contract/user.hpp>

namespace hp::contract {

std::error_code Input::copy_to(Bytes& out) const {
    out.resize(mapped_.size());
    return detail::read_at(store_fd_, offset_, out);
}

std::error_code User::send(BytesView message) {
    return send_parts({&message, 1});
}

std::error_code User::send_parts(std::span<const BytesView> parts) {
    if (!failed_)
        failed_ = detail::write_frame(output_fd_, parts);
    return failed_;
}

std::error_code User::send_batch(std::span<const BytesView> messages) {
    if (!failed_)
        failed_ = detail::write_frames(output_fd_, messages);
    return failed_;
}

User* Users::find(const PublicKey& public_key) noexcept {
    return detail::find_by_key(
        std::span<User>(users_), public_key,
        [](const User& user) -> const PublicKey& { return user.public_key(); });
}

User* Users::find(std::string_view public_key_hex) noexcept {
    const auto key = PublicKey::from_hex(public_key_hex);
    return key ? find(*key) : nullptr;
}

} // namespace hp::contract
