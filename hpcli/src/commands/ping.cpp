// SPDX-License-Identifier: Apache-2.0
// ping: how long each server takes to be reached, to prove itself and to answer.
#include "commands.hpp"

#include "cli/fleet.hpp"
#include "cli/keys.hpp"
#include "cli/options.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "cli/text_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace hp::cli {
namespace {

struct Times {
    std::vector<double> round_trips_ms;
};

double ms(std::int64_t us) {
    return static_cast<double>(us) / 1000;
}

std::string ms_text(double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                   std::chars_format::fixed, 2)
                         .ptr;
    return std::string(digits.data(), end) + "ms";
}

class Ping {
public:
    Ping(const Args& args, const client::Signer& signer, std::uint64_t count)
        : args_(args), count_(count),
          fleet_(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms)),
          times_(args.connection.servers.size()) {}

    Outcome run() {
        if (auto done = fleet_.run([this](std::size_t member) { ask(member); }); !done) {
            return tl::unexpected(std::move(done.error()));
        }
        return answer();
    }

private:
    void ask(std::size_t member) {
        const std::int64_t start_us = SystemClock().now().mono_us;
        fleet_.client(member).stat([this, member, start_us](const auto& stat) {
            if (!stat) {
                fleet_.fail(member, stat.err());
                return;
            }
            Times& times = times_[member];
            times.round_trips_ms.push_back(ms(SystemClock().now().mono_us - start_us));
            if (times.round_trips_ms.size() < count_) {
                ask(member);
            } else {
                fleet_.succeed(member);
            }
        });
    }

    Outcome answer() {
        TextTable table({"SERVER", "TRANSPORT", "HANDSHAKE", "MIN", "AVG", "MAX"});
        JsonArray list;
        const Failure* worst = nullptr;
        for (std::size_t i = 0; i < fleet_.members().size(); ++i) {
            const Fleet::Member& member = fleet_.members()[i];
            JsonObject item;
            item.add("url", member.url);
            if (member.problem) {
                worst = worst == nullptr ? &*member.problem : worst;
                table.add({member.url, member.problem->message, "", "", "", ""});
                item.add("problem", member.problem->message);
            } else {
                add_times(member, times_[i].round_trips_ms, table, item);
            }
            list.add_raw(item.text());
        }
        if (worst == nullptr) {
            return Answer{args_.json ? document(args_.schema).add("servers", list).text() + "\n"
                                     : table.text()};
        }
        Failure out = *worst;
        out.answer = table.text();
        out.members.add("servers", list);
        return tl::unexpected(std::move(out));
    }

    static void add_times(const Fleet::Member& member, const std::vector<double>& trips,
                          TextTable& table, JsonObject& item) {
        const client::ServerInfo& server = member.client->server();
        const auto [min, max] = std::ranges::minmax(trips);
        double sum = 0;
        for (const double trip : trips) {
            sum += trip;
        }
        const double avg = sum / static_cast<double>(trips.size());
        table.add({member.url, ms_text(ms(server.transport_us)), ms_text(ms(server.handshake_us)),
                   ms_text(min), ms_text(avg), ms_text(max)});
        item.add("key", server.key.hex()).add("transport_ms", ms(server.transport_us));
        item.add("handshake_ms", ms(server.handshake_us));
        item.add("min_ms", min).add("avg_ms", avg).add("max_ms", max);
    }

    const Args& args_;
    const std::uint64_t count_;
    Fleet fleet_;
    std::vector<Times> times_;
};

Outcome run_ping(const Args& args) {
    std::uint64_t count = 3;
    OptionReader reader(args);
    reader.count("count", count);
    if (auto checked = reader.done(true); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    const auto signer = session_signer(args, ephemeral_key);
    return signer ? Ping(args, *signer, count).run() : tl::unexpected(signer.error());
}

constexpr std::array ping_options = {
    OptionInfo{"--count", "N", "status requests a server (default 3)"}};

constexpr std::array ping_table = {
    CommandInfo{"ping", "", 0, 0, Scope::online,
                "Measure connection, handshake and round trip of every server",
                "hpcli ping -s wss://127.0.0.1:8080", "hpcli ping --count 20 --json", ping_options,
                "ok:bool servers:[{url:text problem?:text key?:key transport_ms?:num "
                "handshake_ms?:num min_ms?:num avg_ms?:num max_ms?:num}]",
                run_ping},
};

} // namespace

Commands ping_commands() {
    return ping_table;
}

} // namespace hp::cli
