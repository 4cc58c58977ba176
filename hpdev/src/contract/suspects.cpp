// SPDX-License-Identifier: Apache-2.0
#include "contract/suspects.hpp"

#include "contract/program_file.hpp"
#include "contract/source_scan.hpp"
#include "hp/base/limits.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;

struct KnownFunction {
    std::string_view symbol;
    Factor factor;
    std::string_view what;
};

constexpr KnownFunction known_functions[] = {
    {"time", Factor::time, "time()"},
    {"gettimeofday", Factor::time, "gettimeofday()"},
    {"clock_gettime", Factor::time, "clock_gettime()"},
    {"clock", Factor::time, "clock()"},
    {"_ZNSt6chrono3_V212system_clock3nowEv", Factor::time, "std::chrono::system_clock::now()"},
    {"_ZNSt6chrono3_V212steady_clock3nowEv", Factor::time, "std::chrono::steady_clock::now()"},
    {"_ZNSt13random_device9_M_getvalEv", Factor::random, "std::random_device"},
    {"getrandom", Factor::random, "getrandom()"},
    {"getentropy", Factor::random, "getentropy()"},
    {"arc4random", Factor::random, "arc4random()"},
    {"getpid", Factor::pid, "getpid()"},
    {"getppid", Factor::pid, "getppid()"},
    {"gettid", Factor::pid, "gettid()"},
    {"readdir", Factor::directory_order, "readdir()"},
    {"readdir64", Factor::directory_order, "readdir()"},
    {"scandir", Factor::directory_order, "scandir()"},
    {"gethostname", Factor::host, "gethostname()"},
    {"uname", Factor::host, "uname()"},
    {"localtime", Factor::time_zone, "localtime()"},
    {"localtime_r", Factor::time_zone, "localtime_r()"},
    {"mktime", Factor::time_zone, "mktime()"},
    {"pthread_create", Factor::other, "threads"},
    {"_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE",
     Factor::other, "std::thread"},
    {"_ZNSt6thread20hardware_concurrencyEv", Factor::cpus, "std::thread::hardware_concurrency()"},
};

const KnownFunction* find_known(std::string_view symbol) {
    const auto found = std::ranges::find(known_functions, symbol, &KnownFunction::symbol);
    return found == std::end(known_functions) ? nullptr : &*found;
}

// The innermost place in the contract's own code.
std::optional<CodePlace> own_place(const std::vector<std::vector<CodePlace>>& chains) {
    for (const auto& chain : chains) {
        const auto own = std::ranges::find_if_not(chain, &CodePlace::is_library);
        if (own != chain.end()) {
            return *own;
        }
    }
    return std::nullopt;
}

void look_into_program(const fs::path& path, std::set<Suspect>& out) {
    const auto program = ProgramFile::open(path);
    if (!program) {
        return;
    }
    std::vector<std::string> names;
    for (const KnownFunction& one : known_functions) {
        names.emplace_back(one.symbol);
    }
    const std::vector<NamedCall> calls = program->find_calls(names);
    std::vector<std::uint64_t> offsets;
    for (const NamedCall& call : calls) {
        offsets.push_back(call.offset);
    }
    const auto places = program->places(offsets);
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const KnownFunction* known = find_known(calls[i].callee);
        const auto own = own_place({places[i]});
        if (known != nullptr && own) {
            out.insert({known->factor, std::string(known->what), own->text()});
        }
    }
}

struct KnownCall {
    std::string_view name;
    std::string_view detail; // its beginning
    Factor factor;
};

constexpr KnownCall known_calls[] = {
    {"clock_gettime", "wall clock", Factor::time},
    {"clock_gettime", "time since start", Factor::time},
    {"clock_gettime", "processor time", Factor::time},
    {"gettimeofday", "", Factor::time},
    {"time", "", Factor::time},
    {"getrandom", "", Factor::random},
    {"open", "/dev/", Factor::random},
    {"getpid", "", Factor::pid},
    {"getppid", "", Factor::pid},
    {"getdents64", "", Factor::directory_order},
    {"uname", "", Factor::host},
    {"open", "/etc/hostname", Factor::host},
    {"open", "/etc/machine-id", Factor::host},
    {"sched_getaffinity", "", Factor::cpus},
    {"open", "/sys/", Factor::cpus},
    {"sysinfo", "", Factor::cpus},
    {"open", "/etc/localtime", Factor::time_zone},
    {"open", "/proc/", Factor::pid},
    {"clone", "", Factor::other},
};

// The state it ran in may be gone or have another name by now.
std::optional<ProgramFile> open_own_program(const std::string& path, const fs::path& directory) {
    constexpr std::string_view state = "/seed/state/";
    const std::size_t at = path.find(state);
    return at == std::string::npos ? std::nullopt
                                   : ProgramFile::open(directory / path.substr(at + state.size()));
}

bool is_about(const TracedCall& call, Factor factor) {
    return std::ranges::any_of(known_calls, [&](const KnownCall& one) {
        return one.factor == factor && one.name == call.name && call.detail.starts_with(one.detail);
    });
}

} // namespace

std::vector<Suspect> look_for_suspects(const fs::path& directory, const fs::path& project) {
    std::set<Suspect> out;
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(directory, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        if (at->is_regular_file(error)) {
            look_into_program(at->path(), out);
        }
    }
    scan_sources(directory, out);
    if (!project.empty()) {
        scan_sources(project, out);
    }
    return {out.begin(), out.end()};
}

std::vector<Suspect> suspects_among(const std::vector<TracedCall>& calls, Factor factor,
                                    const fs::path& directory) {
    std::set<Suspect> out;
    std::map<std::string, std::optional<ProgramFile>> programs;
    for (const TracedCall& call : calls) {
        if (!is_about(call, factor) || call.callers.empty()) {
            continue;
        }
        auto [program, fresh] = programs.try_emplace(call.program);
        if (fresh) {
            program->second = open_own_program(call.program, directory);
        }
        if (!program->second) {
            continue;
        }
        if (const auto own = own_place(program->second->places(call.callers))) {
            const std::string detail = call.detail.empty() ? "" : " (" + call.detail + ")";
            out.insert({factor, call.name + detail, own->text()});
        }
    }
    return {out.begin(), out.end()};
}

} // namespace hp::dev
