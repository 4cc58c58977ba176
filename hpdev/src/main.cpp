// SPDX-License-Identifier: Apache-2.0
// hpdev: the development kit's program. So far it tells its version.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "hp/base/version.hpp"

namespace {

constexpr int exit_usage = 2;
constexpr int exit_cannot_write = 13;
constexpr int exit_closed_pipe = 141;

std::string version_text(bool json) {
    const std::string version(hp::version);
    const std::string protocol(hp::hp_version);
    if (json) {
        return R"({"schema":"hp.dev.version/1","ok":true,"version":")" + version +
               R"(","hp_version":")" + protocol + R"(","ledger_version":")" +
               std::string(hp::ledger_version) + "\"}\n";
    }
    return "hpdev " + version + " (protocol " + protocol + ")\n";
}

std::string help_text() {
    return "hpdev: development kit for HotPocket contracts\n"
           "usage: hpdev COMMAND [--json]\n\n"
           "  version     Print the versions of program and protocol\n\n"
           "examples:\n  hpdev version\n  hpdev version --json | jq -r .hp_version\n";
}

int answer(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) {
        return 0;
    }
    return errno == EPIPE ? exit_closed_pipe : exit_cannot_write;
}

int usage_error(const std::string& message, bool json) {
    if (json) {
        std::printf(R"({"schema":"hp.dev.error/1","ok":false,"error":{"code":"HPE-2001","exit":2,)"
                    R"("message":"%s","detail":{},"hint":"hpdev --help"}})"
                    "\n",
                    message.c_str());
    } else {
        std::fprintf(stderr, "hpdev: error HPE-2001: %s\n  hint: hpdev --help\n", message.c_str());
    }
    return exit_usage;
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN); // seen as an error of writing instead
    bool json = false;
    bool help = false;
    bool version = false;
    bool unknown = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--json") {
            json = true;
        } else if (argument == "-h" || argument == "--help") {
            help = true;
        } else if (argument == "version" || argument == "-V" || argument == "--version") {
            version = true;
        } else {
            unknown = true;
        }
    }
    if (help) {
        return answer(help_text());
    }
    if (unknown || !version) {
        return usage_error(unknown ? "unknown command or option" : "no command given", json);
    }
    return answer(version_text(json));
}
