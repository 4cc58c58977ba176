// SPDX-License-Identifier: Apache-2.0
#include "contract/trace_plan.hpp"

#include "hp/os/files.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t events_bytes_max = 16 * limits::mib;

std::vector<std::string> split_args(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ' ');) {
        if (!word.empty()) {
            out.push_back(word);
        }
    }
    return out;
}

} // namespace

std::string encode_trace_plan(const TracePlan& plan) {
    Json out;
    out["command"] = plan.command;
    out["environment"] = plan.environment;
    out["wait_for_debugger"] = plan.wait_for_debugger;
    out["seed"] = plan.seed;
    out["pin_time"] = plan.pin_time;
    out["pinned_for_ms"] = plan.pinned_for_ms;
    out["time_shift_s"] = plan.time_shift_s;
    out["pin_random"] = plan.pin_random;
    out["pin_pid"] = plan.pin_pid;
    out["fixed_addresses"] = plan.fixed_addresses;
    out["poison_stack"] = plan.poison_stack;
    out["cpus"] = plan.cpus;
    out["redirected"] = plan.redirected;
    out["directories"] = static_cast<int>(plan.directories);
    out["host_name"] = plan.host_name;
    out["umask"] = plan.umask;
    out["events_file"] = plan.events_file;
    return out.dump();
}

// Written by this program: a mistake in it can only be somebody's own doing.
Result<TracePlan> decode_trace_plan(ByteView text) {
    const Json in = Json::parse(text.begin(), text.end(), nullptr, false);
    if (!in.is_object()) {
        return fail(Errc::invalid, "not a trace plan");
    }
    try {
        TracePlan out;
        in.at("command").get_to(out.command);
        in.at("environment").get_to(out.environment);
        in.at("wait_for_debugger").get_to(out.wait_for_debugger);
        in.at("seed").get_to(out.seed);
        in.at("pin_time").get_to(out.pin_time);
        in.at("pinned_for_ms").get_to(out.pinned_for_ms);
        in.at("time_shift_s").get_to(out.time_shift_s);
        in.at("pin_random").get_to(out.pin_random);
        in.at("pin_pid").get_to(out.pin_pid);
        in.at("fixed_addresses").get_to(out.fixed_addresses);
        in.at("poison_stack").get_to(out.poison_stack);
        in.at("cpus").get_to(out.cpus);
        in.at("redirected").get_to(out.redirected);
        out.directories = static_cast<TracePlan::Directories>(in.at("directories").get<int>() % 3);
        in.at("host_name").get_to(out.host_name);
        in.at("umask").get_to(out.umask);
        in.at("events_file").get_to(out.events_file);
        return out;
    } catch (const Json::exception& error) {
        return fail(Errc::invalid, std::string("not a trace plan: ") + error.what());
    }
}

std::string encode_traced_call(const TracedCall& call) {
    Json out;
    out["name"] = call.name;
    out["detail"] = call.detail;
    out["program"] = call.program;
    out["callers"] = call.callers;
    out["count"] = call.count;
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<TracedCall> read_traced_calls(const fs::path& file) {
    std::vector<TracedCall> out;
    const auto bytes = os::read_file(file, events_bytes_max);
    std::istringstream lines(bytes ? to_text(*bytes) : std::string());
    for (std::string line; std::getline(lines, line);) {
        const Json in = Json::parse(line, nullptr, false);
        if (!in.is_object()) {
            continue;
        }
        TracedCall call;
        call.name = in.value("name", "");
        call.detail = in.value("detail", "");
        call.program = in.value("program", "");
        call.callers = in.value("callers", std::vector<std::uint64_t>());
        call.count = in.value("count", std::uint64_t{0});
        out.push_back(std::move(call));
    }
    return out;
}

Result<Wrapper> make_wrapper(const TracePlan& plan, const fs::path& file) {
    HP_TRY_STATUS(os::replace_file(file, as_bytes(encode_trace_plan(plan)), 0600));
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (error) {
        return fail(errno_error("cannot find out where this program is", error.value()));
    }
    return Wrapper{self.string(), {{trace_plan_variable, file.string()}}};
}

TracePlan plan_for(const ContractSource& source) {
    TracePlan plan;
    plan.command = split_args(source.patch.bin_args);
    plan.command.insert(plan.command.begin(), source.patch.bin_path);
    plan.environment = source.patch.environment;
    return plan;
}

Result<Wrapper> make_stopper(const ContractSource& source, const fs::path& scratch) {
    TracePlan plan = plan_for(source);
    plan.wait_for_debugger = true;
    return make_wrapper(plan, scratch / "plan.json");
}

} // namespace hp::dev
