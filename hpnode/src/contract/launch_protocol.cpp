// SPDX-License-Identifier: Apache-2.0
#include "contract/launch_protocol.hpp"

#include <algorithm>

#include "contract/fd_passing.hpp"
#include "hp/base/codec.hpp"

namespace hp::contract {
namespace {

// In front of the first packet: size of the encoded request, number of descriptors.
constexpr std::size_t head_bytes = 8;

void put_texts(Writer& out, const std::vector<std::string>& texts) {
    out.u32(static_cast<std::uint32_t>(texts.size()));
    for (const std::string& text : texts) {
        out.bytes(as_bytes(text));
    }
}

std::vector<std::string> get_texts(Reader& in) {
    std::vector<std::string> texts;
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
        texts.push_back(to_text(in.bytes()));
    }
    return texts;
}

Bytes encode_request(const SpawnRequest& request) {
    Writer out;
    out.bytes(as_bytes(request.state_dir));
    out.bytes(as_bytes(request.bin_path));
    put_texts(out, request.args);
    put_texts(out, request.environment);
    out.u64(request.limits.proc_cpu_seconds);
    out.u64(request.limits.proc_mem_bytes);
    out.u64(request.limits.proc_ofd_count);
    out.u8(request.run_as ? 1 : 0);
    out.u32(request.run_as ? request.run_as->uid : 0);
    out.u32(request.run_as ? request.run_as->gid : 0);
    out.u32(static_cast<std::uint32_t>(request.channels.size()));
    for (const int fd : {request.stdin_fd, request.stdout_fd, request.stderr_fd}) {
        out.u8(fd >= 0 ? 1 : 0);
    }
    out.u8(request.no_new_privs ? 1 : 0);
    out.u8(request.hold_stdin ? 1 : 0);
    return out.take();
}

Result<LaunchRequest> decode_request(ByteView bytes) {
    Reader in(bytes);
    LaunchRequest request;
    request.state_dir = to_text(in.bytes());
    request.bin_path = to_text(in.bytes());
    request.args = get_texts(in);
    request.environment = get_texts(in);
    request.limits.proc_cpu_seconds = in.u64();
    request.limits.proc_mem_bytes = in.u64();
    request.limits.proc_ofd_count = in.u64();
    const bool has_run_as = in.u8() != 0;
    const std::uint32_t uid = in.u32();
    const std::uint32_t gid = in.u32();
    if (has_run_as) {
        request.run_as = config::RunAs{uid, gid};
    }
    request.channel_count = in.u32();
    for (int number = 0; number < 3; ++number) {
        if (in.u8() != 0) {
            request.replaced_stdio.push_back(number);
        }
    }
    request.no_new_privs = in.u8() != 0;
    request.hold_stdin = in.u8() != 0;
    if (!in.done()) {
        return fail(Errc::invalid, "malformed launch request");
    }
    return request;
}

} // namespace

Status send_request(int channel, const SpawnRequest& request) {
    std::vector<int> fds = request.channels;
    for (const int fd : {request.stdin_fd, request.stdout_fd, request.stderr_fd}) {
        if (fd >= 0) {
            fds.push_back(fd);
        }
    }
    const Bytes body = encode_request(request);
    Writer head;
    head.u32(static_cast<std::uint32_t>(body.size()));
    head.u32(static_cast<std::uint32_t>(fds.size()));
    Bytes bytes = head.take();
    append(bytes, body);

    ByteView bytes_left = bytes;
    std::span<const int> fds_left = fds;
    while (!bytes_left.empty() || !fds_left.empty()) {
        const std::size_t byte_count = std::min(bytes_left.size(), request_packet_bytes_max);
        const std::size_t fd_count = std::min(fds_left.size(), fds_per_packet_max);
        // A packet that has only descriptors carries one byte that nobody reads.
        const ByteView piece =
            byte_count > 0 ? bytes_left.first(byte_count) : ByteView(bytes).first(1);
        HP_TRY_STATUS(send_packet(channel, piece, fds_left.first(fd_count)));
        bytes_left = bytes_left.subspan(byte_count);
        fds_left = fds_left.subspan(fd_count);
    }
    return {};
}

Result<LaunchRequest> receive_request(int channel, std::vector<int>& fds) {
    Bytes buffer(request_packet_bytes_max);
    Bytes bytes;
    std::size_t bytes_expected = head_bytes;
    std::size_t fds_expected = 0;
    while (bytes.size() < bytes_expected || fds.size() < fds_expected) {
        HP_TRY(const std::size_t count, receive_packet(channel, buffer, fds));
        if (count == 0) {
            return fail(Errc::closed, "the node is gone");
        }
        const bool first = bytes.empty();
        if (bytes.size() < bytes_expected) {
            append(bytes, ByteView(buffer).first(count));
        }
        if (first) {
            Reader head(bytes);
            bytes_expected += head.u32();
            fds_expected = head.u32();
        }
    }
    HP_TRY(LaunchRequest request, decode_request(ByteView(bytes).subspan(head_bytes)));
    if (fds.size() != request.channel_count + request.replaced_stdio.size()) {
        return fail(Errc::invalid, "launch request with a wrong number of descriptors");
    }
    return request;
}

Bytes encode_confinement(const Confinement& confinement) {
    Writer out;
    out.u8(static_cast<std::uint8_t>(confinement.sandbox));
    out.bytes(as_bytes(confinement.node_dir));
    out.bytes(as_bytes(confinement.view));
    put_texts(out, confinement.hidden);
    out.u8(confinement.track ? 1 : 0);
    return out.take();
}

Result<Confinement> decode_confinement(ByteView bytes) {
    Reader in(bytes);
    Confinement confinement;
    confinement.sandbox = static_cast<config::Sandbox>(in.u8());
    confinement.node_dir = to_text(in.bytes());
    confinement.view = to_text(in.bytes());
    confinement.hidden = get_texts(in);
    confinement.track = in.u8() != 0;
    if (!in.done()) {
        return fail(Errc::invalid, "malformed confinement");
    }
    return confinement;
}

Bytes encode_protection(const Result<Protection>& protection) {
    Writer out;
    out.u8(protection ? 1 : 0);
    if (!protection) {
        out.bytes(as_bytes(protection.err().context));
        return out.take();
    }
    for (const bool flag :
         {protection->mounts, protection->processes, protection->fresh_proc, protection->no_network,
          protection->syscall_filter, protection->cgroup, protection->tracking}) {
        out.u8(flag ? 1 : 0);
    }
    out.u32(static_cast<std::uint32_t>(protection->landlock_abi));
    put_texts(out, protection->lacking);
    out.bytes(as_bytes(protection->no_tracking));
    return out.take();
}

Result<Protection> decode_protection(ByteView bytes) {
    Reader in(bytes);
    if (in.u8() == 0) {
        return fail(Errc::unsupported, in.ok() ? to_text(in.bytes()) : "the launcher is gone");
    }
    Protection protection;
    for (bool* flag :
         {&protection.mounts, &protection.processes, &protection.fresh_proc, &protection.no_network,
          &protection.syscall_filter, &protection.cgroup, &protection.tracking}) {
        *flag = in.u8() != 0;
    }
    protection.landlock_abi = static_cast<int>(in.u32());
    protection.lacking = get_texts(in);
    protection.no_tracking = to_text(in.bytes());
    if (!in.done()) {
        return fail(Errc::invalid, "malformed protection");
    }
    return protection;
}

Bytes encode_report(const ExitReport& report) {
    Writer out;
    out.u8(static_cast<std::uint8_t>(report.failed_step));
    out.u8(report.signaled ? 1 : 0);
    out.u32(static_cast<std::uint32_t>(report.code));
    out.u64(static_cast<std::uint64_t>(report.cpu_us));
    out.u64(static_cast<std::uint64_t>(report.max_rss_kib));
    return out.take();
}

Result<ExitReport> decode_report(ByteView bytes) {
    Reader in(bytes);
    ExitReport report;
    const std::uint8_t step = in.u8();
    report.signaled = in.u8() != 0;
    report.code = static_cast<int>(in.u32());
    report.cpu_us = static_cast<std::int64_t>(in.u64());
    report.max_rss_kib = static_cast<std::int64_t>(in.u64());
    if (!in.done() || step > static_cast<std::uint8_t>(StartStep::exec)) {
        return fail(Errc::invalid, "malformed exit report");
    }
    report.failed_step = static_cast<StartStep>(step);
    return report;
}

} // namespace hp::contract
