// SPDX-License-Identifier: Apache-2.0
//
// Opening the channels of a run and describing them (contract protocol sections 7 and 8).
//
// Threads: one thread at a time.
#include "channels.hpp"

#include <hp/contract/bytes.hpp>

#include <array>
#include <cerrno>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hp::contract::testing::detail {
namespace {

constexpr std::uint64_t input_alignment = 4096;

Pair make_sockets(int type) {
    std::array<int, 2> fds{-1, -1};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) != 0)
        fail("socketpair");
    return {Fd(fds[0], "socketpair"), Fd(fds[1], "socketpair")};
}

void write_at(int fd, std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written <= 0)
            fail("pwrite");
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
}

void store_inputs(Channels& channels, const RunSpec& spec) {
    const unsigned flags = MFD_CLOEXEC | (spec.seal_inputs ? MFD_ALLOW_SEALING : 0U);
    channels.inputs = Fd(::memfd_create("inputs", flags), "memfd_create");
    std::uint64_t end = 0;
    for (const TestUser& user : spec.users) {
        auto& places = channels.places.emplace_back();
        for (const std::string& input : user.inputs) {
            write_at(channels.inputs.get(), input, end);
            places.push_back({end, input.size()});
            end += (input.size() + input_alignment - 1) / input_alignment * input_alignment;
        }
    }
    if (::ftruncate(channels.inputs.get(), static_cast<off_t>(end)) != 0)
        fail("ftruncate");
    constexpr int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
    if (spec.seal_inputs && ::fcntl(channels.inputs.get(), F_ADD_SEALS, seals) != 0)
        fail("F_ADD_SEALS");
}

void describe_users(std::ostream& out, const Channels& channels, const RunSpec& spec) {
    for (std::size_t i = 0; i < channels.users.size(); ++i) {
        out << (i == 0 ? "" : ",") << json_quote(spec.users[i].key_hex) << ":["
            << channels.users[i].contract.get();
        for (const auto& [offset, length] : channels.places[i])
            out << ",[" << offset << ',' << length << ']';
        out << ']';
    }
}

void describe_unl(std::ostream& out, const RunSpec& spec) {
    std::vector<TestUnlNode> unl = spec.unl;
    if (unl.empty())
        unl.push_back({spec.node_key, spec.timestamp_ms + 806});
    const char* separator = "";
    for (const auto& [key_hex, active_on_ms] : unl) {
        out << separator << json_quote(key_hex) << R"(:{"active_on":)" << active_on_ms << '}';
        separator = ",";
    }
}

} // namespace

void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void Fd::close() noexcept {
    if (is_open())
        ::close(release());
}

Pair make_pipe() {
    std::array<int, 2> fds{-1, -1};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0)
        fail("pipe2");
    return {Fd(fds[0], "pipe2"), Fd(fds[1], "pipe2")};
}

Fd make_file(const char* name, std::string_view content) {
    Fd out(::memfd_create(name, MFD_CLOEXEC), "memfd_create");
    write_at(out.get(), content, 0);
    return out;
}

Channels::Channels(const RunSpec& spec) {
    store_inputs(*this, spec);
    for (std::size_t i = 0; i < spec.users.size(); ++i) {
        const Pair& pair = users.emplace_back(make_sockets(SOCK_STREAM));
        const int size = spec.output_buffer_bytes;
        if (size > 0 &&
            ::setsockopt(pair.contract.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0)
            fail("SO_SNDBUF");
    }
    control = make_sockets(SOCK_SEQPACKET);
    if (!spec.readonly)
        npl = make_sockets(SOCK_SEQPACKET);
}

std::string Channels::describe(const RunSpec& spec) const {
    std::ostringstream out;
    out << R"({"hp_version":)" << json_quote(spec.hp_version) << R"(,"contract_id":)"
        << json_quote(spec.contract_id) << R"(,"public_key":)" << json_quote(spec.node_key)
        << R"(,"private_key":)" << json_quote(spec.node_private_key) << R"(,"timestamp":)"
        << (spec.readonly ? 0 : spec.timestamp_ms) << R"(,"readonly":)"
        << (spec.readonly ? "true" : "false");
    if (!spec.readonly)
        out << R"(,"lcl_seq_no":)" << spec.lcl_seq_no << R"(,"lcl_hash":)"
            << json_quote(spec.lcl_hash) << R"(,"npl_fd":)" << npl.contract.get();
    out << R"(,"control_fd":)" << control.contract.get() << R"(,"user_in_fd":)" << inputs.get()
        << R"(,"users":{)";
    describe_users(out, *this, spec);
    out << R"(},"unl":{)";
    describe_unl(out, spec);
    out << "}}";
    return out.str();
}

} // namespace hp::contract::testing::detail
