// SPDX-License-Identifier: Apache-2.0
#include "cluster/control.hpp"

#include "clock.hpp"
#include "hp/os/local_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::size_t line_bytes_max = 4 << 20;

cli::Failure gone(const std::string& what) {
    return {cli::ErrorId::cluster_down, what, "hpdev ps"};
}

} // namespace

Json failure_json(const cli::Failure& failure) {
    return {
        {"code", cli::info(failure.id).code}, {"message", failure.message}, {"hint", failure.hint}};
}

cli::Failure failure_from_json(const Json& error) {
    cli::Failure out;
    const auto text = [&error](const char* name) {
        return error.is_object() && error.contains(name) && error[name].is_string()
                   ? error[name].get<std::string>()
                   : std::string();
    };
    const auto found = std::ranges::find(cli::error_table, text("code"), &cli::ErrorInfo::code);
    if (found != cli::error_table.end()) {
        out.id = found->id;
    }
    out.message = text("message");
    out.hint = text("hint");
    return out;
}

Expected<ControlClient> ControlClient::connect(const Cluster& cluster) {
    auto socket = os::connect_local(cluster.control);
    if (!socket) {
        return tl::unexpected(gone("the supervisor of \"" + cluster.name +
                                   "\" does not answer: " + socket.err().context));
    }
    return ControlClient(std::move(*socket));
}

Done ControlClient::send(const Json& request) {
    const std::string line = dump_json(request) + "\n";
    HP_DEV_TRY_STATUS(os::write_all(socket_.get(), as_bytes(line)));
    return {};
}

Expected<std::optional<Json>> ControlClient::receive(std::int64_t timeout_ms) {
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    for (;;) {
        const std::size_t end = buffer_.find('\n');
        if (end != std::string::npos) {
            auto out = parse_object(std::string_view(buffer_).substr(0, end));
            buffer_.erase(0, end + 1);
            if (!out) {
                return tl::unexpected(gone("the supervisor's answer makes no sense"));
            }
            return out;
        }
        const std::int64_t left_ms = std::max<std::int64_t>(0, deadline_ms - now_mono_ms());
        pollfd wanted{socket_.get(), POLLIN, 0};
        const int ready =
            ::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
        if (ready < 0 && errno == EINTR) {
            return std::optional<Json>(); // a signal: the caller looks what it means
        }
        if (ready <= 0) {
            if (now_mono_ms() >= deadline_ms) {
                return std::optional<Json>();
            }
            continue;
        }
        std::array<char, 16 * 1024> chunk{};
        const ssize_t got = ::read(socket_.get(), chunk.data(), chunk.size());
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR) ||
            buffer_.size() > line_bytes_max) {
            return tl::unexpected(gone("the supervisor has ended"));
        }
        buffer_.append(chunk.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
}

Expected<Json> control(const Cluster& cluster, const Json& request, std::int64_t timeout_ms,
                       const std::function<void(const Json&)>& on_progress) {
    HP_DEV_TRY(ControlClient client, ControlClient::connect(cluster));
    HP_DEV_TRY_STATUS(client.send(request));
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    while (now_mono_ms() < deadline_ms) {
        HP_DEV_TRY(auto answer, client.receive(deadline_ms - now_mono_ms()));
        if (!answer) {
            continue;
        }
        if (!answer->contains("ok")) {
            if (on_progress) {
                on_progress(*answer);
            }
            continue;
        }
        if ((*answer)["ok"] == true) {
            return *std::move(answer);
        }
        return tl::unexpected(failure_from_json((*answer)["error"]));
    }
    return cli::failure(cli::ErrorId::timed_out, "the supervisor of \"" + cluster.name +
                                                     "\" did not answer in " +
                                                     std::to_string(timeout_ms) + " ms");
}

} // namespace hp::dev
