// SPDX-License-Identifier: Apache-2.0
//
// Finds the behaviour each input names; what names none is sent back unchanged.
//
// Threads: main thread only.
#include "bad.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

namespace hp::bad {

std::string outcome(bool done) {
    if (done)
        return "ok";
    const char* const name = ::strerrorname_np(errno);
    return name != nullptr ? name : "unknown";
}

std::size_t number(std::string_view text) {
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

int document_number(const contract::Context& context, std::string_view key) {
    const std::string mark = "\"" + std::string(key) + "\":";
    const std::size_t found = context.document().find(mark);
    if (found == std::string_view::npos)
        return -1;
    return static_cast<int>(number(context.document().substr(found + mark.size())));
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return false;
    }
    return true;
}

namespace {

/// The rest of the first line that starts like this.
std::string line_of(pid_t pid, std::string_view file, std::string_view start) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + std::string(file));
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(start))
            return line.substr(start.size());
    return "";
}

} // namespace

std::vector<pid_t> ancestors() {
    std::vector<pid_t> found;
    pid_t pid = ::getppid();
    while (pid > 0 && line_of(pid, "comm", "").starts_with("hpnode")) {
        found.push_back(pid);
        pid = static_cast<pid_t>(number(line_of(pid, "status", "PPid:\t")));
    }
    return found;
}

void sleep_ms(unsigned duration_ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
}

namespace {

std::string behave(Call& call, std::string_view name) {
    for (const auto table :
         {process_behaviours(), channel_behaviours(), file_behaviours(), escape_behaviours()})
        for (const Behaviour& behaviour : table)
            if (behaviour.name == name)
                return behaviour.run(call);
    return "no such behaviour";
}

void on_input(contract::Context& context, contract::User& user, std::string_view text) {
    const std::size_t colon = text.find(':');
    if (!text.starts_with("bad ")) {
        user.send(text);
        return;
    }
    const std::string_view name =
        text.substr(4, colon == std::string_view::npos ? colon : colon - 4);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    Call call{context, user, rest};
    const std::string answer = behave(call, name);
    if (!answer.empty())
        user.send(answer);
}

} // namespace
} // namespace hp::bad

int main() {
    const rlimit no_core{0, 0}; // a core file would become part of the state
    ::setrlimit(RLIMIT_CORE, &no_core);
    return hp::contract::run([](hp::contract::Context& context) {
        for (auto& user : context.users())
            for (const auto& input : user.inputs())
                hp::bad::on_input(context, user, input.text());
    });
}
