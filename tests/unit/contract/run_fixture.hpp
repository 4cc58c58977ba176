// SPDX-License-Identifier: Apache-2.0
// A state directory, a launcher and a run of the test child, ready to be changed by a test. The
// launcher is started while the test program has one thread, as in the node.
#pragma once

#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "contract/contract_log.hpp"
#include "contract/runner.hpp"
#include "temp_dir.hpp"

namespace hp::test {

inline PublicKey numbered_key(std::uint32_t number) {
    PublicKey key;
    key.data[0] = key_prefix;
    for (std::size_t i = 0; i < 4; ++i) {
        key.data[1 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    }
    return key;
}

inline contract::SharedBytes shared(std::string_view text) {
    return std::make_shared<const Bytes>(to_bytes(text));
}

inline std::vector<std::string> texts(const std::vector<Bytes>& messages) {
    std::vector<std::string> out;
    for (const Bytes& message : messages) {
        out.push_back(to_text(message));
    }
    return out;
}

// Empty when it cannot be read; files of /proc may vanish in between.
inline std::string read_text(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
}

inline std::vector<int> read_numbers(const std::filesystem::path& path) {
    std::istringstream in(read_text(path));
    return {std::istream_iterator<int>(in), {}};
}

inline std::vector<int> children_of(int pid) {
    const std::string id = std::to_string(pid);
    return read_numbers("/proc/" + id + "/task/" + id + "/children");
}

// Neither gone nor a zombie.
inline bool is_alive(int pid) {
    const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = stat.rfind(')');
    return name_end != std::string::npos && stat.at(name_end + 2) != 'Z' &&
           stat.at(name_end + 2) != 'X';
}

// Processes that work in `directory`, contracts and whatever they left behind.
inline std::vector<int> processes_in(const std::filesystem::path& directory) {
    std::vector<int> out;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::error_code gone;
        const auto cwd = std::filesystem::read_symlink(entry.path() / "cwd", gone);
        if (!gone && cwd == directory) {
            out.push_back(std::stoi(entry.path().filename()));
        }
    }
    return out;
}

inline bool wait_until(const std::function<bool()>& condition, int timeout_ms = 5000) {
    for (int waited = 0; waited < timeout_ms; waited += 5) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return condition();
}

// A consensus run of the test child without users.
inline contract::RunSpec make_child_spec(const std::filesystem::path& state_dir) {
    contract::RunSpec spec;
    spec.hp_version = "0.6.4";
    spec.contract_id = "3c349abe-4d70-4f50-9fa6-018f1f2530ab";
    spec.node_keys.public_key = numbered_key(0xabcdef01);
    spec.node_keys.private_key.data.fill(0x11);
    spec.node_keys.private_key.data[0] = key_prefix;
    spec.timestamp = 1795212533671;
    spec.lcl = LedgerId{13, {}};
    spec.lcl->hash.data.fill(0xd3);
    spec.unl = {{numbered_key(1), 1795212534477}};
    spec.state_dir = state_dir;
    spec.bin_path = HP_RUN_TEST_CHILD;
    spec.limits.exec_timeout = 60'000;
    spec.npl_enabled = true;
    return spec;
}

struct RunFixture {
    TempDir state;
    std::unique_ptr<contract::Launcher> launcher;
    contract::RunSpec spec;
    contract::StopSource stop;
    std::vector<std::string> npl;
    std::vector<contract::PeerChangeset> peer_changesets;
    contract::NplInlet* npl_inlet = nullptr;

    RunFixture()
        : launcher(start_launcher()), spec(make_child_spec(state.path())), stop(make_stop()) {
        add_user({});
    }

    static std::unique_ptr<contract::Launcher> start_launcher() {
        auto started = contract::Launcher::start({});
        REQUIRE(started);
        return std::move(*started);
    }
    static contract::StopSource make_stop() {
        auto made = contract::StopSource::make();
        REQUIRE(made);
        return std::move(*made);
    }

    void add_user(const std::vector<std::string>& inputs) {
        contract::RunUser user;
        user.key = numbered_key(static_cast<std::uint32_t>(spec.users.size() + 1));
        for (const std::string& input : inputs) {
            user.inputs.push_back(shared(input));
        }
        spec.users.push_back(std::move(user));
    }

    contract::RunResult run(const std::string& args) {
        spec.bin_args = args;
        const contract::RunHandlers handlers = {
            [this](Bytes message) { npl.push_back(to_text(message)); },
            [this](contract::PeerChangeset changes) { peer_changesets.push_back(changes); },
            npl_inlet};
        return contract::run_contract(*launcher, spec, handlers, stop, Log());
    }

    // A script in the state directory.
    void write_script(const std::string& name, const std::string& text, unsigned mode = 0755) {
        std::ofstream(state / name) << text;
        std::filesystem::permissions(state / name, std::filesystem::perms(mode));
    }

    // What the child's "look" saw.
    nlohmann::json look(const std::string& more_args = "") {
        const contract::RunResult result = run("look" + more_args);
        INFO(describe(result));
        REQUIRE(succeeded(result));
        return nlohmann::json::parse(read_text(state / "look.json"));
    }

    static bool succeeded(const contract::RunResult& result) {
        return result.end == contract::RunEnd::exited && result.code == 0;
    }
};

} // namespace hp::test
