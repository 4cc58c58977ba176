// SPDX-License-Identifier: Apache-2.0
//
// Building a Context from the document, and its accessors.
//
// Threads: one thread at a time.
#include "context_impl.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <fcntl.h>

namespace hp::contract {
namespace {

/// Takes ownership of one channel. Programs that the contract starts must not hold it: the node
/// would wait for data that never comes, and a stranger could speak for the contract.
bool adopt_channel(Context::Impl& impl, int fd, std::string_view name, std::string& error) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        error = "descriptor " + std::to_string(fd) + " (";
        error += name;
        error += ") cannot be used: " + detail::last_error().message();
        return false;
    }
    impl.channels.emplace_back(fd);
    return true;
}

bool adopt_channels(Context::Impl& impl, std::string& error) {
    const detail::Document& document = impl.document;
    impl.channels.reserve(document.users.size() + 3);
    const auto adopt = [&impl, &error](std::optional<int> fd, std::string_view name) {
        return !fd || adopt_channel(impl, *fd, name, error);
    };
    return adopt(document.npl_fd, "npl_fd") && adopt(document.control_fd, "control_fd") &&
           adopt(document.user_in_fd, "user_in_fd") &&
           std::all_of(document.users.begin(), document.users.end(),
                       [&adopt](const detail::UserEntry& user) {
                           return adopt(user.output_fd, "user output");
                       });
}

/// Two channels on one descriptor would mix their messages and be closed twice.
bool channels_distinct(const detail::Document& document, std::string& error) {
    std::vector<int> fds;
    for (const auto& fd : {document.npl_fd, document.control_fd, document.user_in_fd})
        if (fd)
            fds.push_back(*fd);
    for (const detail::UserEntry& user : document.users)
        fds.push_back(user.output_fd);
    std::sort(fds.begin(), fds.end());
    const auto twice = std::adjacent_find(fds.begin(), fds.end());
    if (twice == fds.end())
        return true;
    error = "descriptor " + std::to_string(*twice) + " is named for two channels";
    return false;
}

bool map_inputs(Context::Impl& impl, std::string& error) {
    std::uint64_t begin = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t end = 0;
    for (const detail::UserEntry& user : impl.document.users)
        for (const detail::InputRange& input : user.inputs) {
            if (input.length == 0)
                continue;
            begin = std::min(begin, input.offset);
            end = std::max(end, input.offset + input.length);
        }
    if (begin >= end)
        return true;
    if (!impl.document.user_in_fd) {
        error = "there are inputs, but member \"user_in_fd\" is missing";
        return false;
    }
    return impl.input_map.open(*impl.document.user_in_fd, begin, end, error);
}

void make_users(Context::Impl& impl) {
    const int store_fd = impl.document.user_in_fd.value_or(-1);
    std::vector<User> users;
    users.reserve(impl.document.users.size());
    for (const detail::UserEntry& entry : impl.document.users) {
        std::vector<Input> inputs;
        inputs.reserve(entry.inputs.size());
        for (const detail::InputRange& range : entry.inputs)
            inputs.emplace_back(impl.input_map.bytes(range.offset, range.length), store_fd,
                                range.offset);
        users.emplace_back(entry.public_key, entry.output_fd, std::move(inputs));
    }
    impl.users = Users(std::move(users));
    impl.document.users = {};
}

} // namespace

std::unique_ptr<Context::Impl> detail::make_context(std::string text, std::string& error) {
    auto document = decode_document(text, error);
    if (!document || !channels_distinct(*document, error))
        return nullptr;
    auto impl = std::make_unique<Context::Impl>(std::move(text), std::move(*document));
    if (!adopt_channels(*impl, error) || !map_inputs(*impl, error))
        return nullptr;
    make_users(*impl);
    return impl;
}

Context::Context(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

const std::string& Context::hp_version() const noexcept {
    return impl_->document.hp_version;
}

const std::string& Context::contract_id() const noexcept {
    return impl_->document.contract_id;
}

const PublicKey& Context::public_key() const noexcept {
    return impl_->document.public_key;
}

const std::optional<PrivateKey>& Context::private_key() const noexcept {
    return impl_->document.private_key;
}

bool Context::readonly() const noexcept {
    return impl_->document.readonly;
}

std::uint64_t Context::timestamp_ms() const noexcept {
    return impl_->document.timestamp_ms;
}

std::chrono::sys_time<std::chrono::milliseconds> Context::time() const noexcept {
    const auto since_epoch = static_cast<std::chrono::milliseconds::rep>(timestamp_ms());
    return std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(since_epoch));
}

std::optional<std::uint64_t> Context::lcl_seq_no() const noexcept {
    return impl_->document.lcl_seq_no;
}

const std::optional<Hash>& Context::lcl_hash() const noexcept {
    return impl_->document.lcl_hash;
}

Users& Context::users() noexcept {
    return impl_->users;
}

const Unl& Context::unl() const noexcept {
    return impl_->unl;
}

Npl& Context::npl() noexcept {
    return impl_->npl;
}

Control& Context::control() noexcept {
    return impl_->control;
}

Rng& Context::rng() {
    if (!impl_->rng)
        impl_->rng.emplace(lcl_hash().value_or(Hash{}));
    return *impl_->rng;
}

void Context::set_exit_code(int code) noexcept {
    impl_->exit_code = code >= 0 && code <= 255 ? code : exit_handler_failed;
}

int Context::exit_code() const noexcept {
    return impl_->exit_code;
}

std::string_view Context::document() const noexcept {
    return impl_->document_text;
}

std::optional<int> Context::input_fd() const noexcept {
    return impl_->document.user_in_fd;
}

} // namespace hp::contract
