// SPDX-License-Identifier: Apache-2.0
//
// Threads: main thread only.
#include "unsteady.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <dirent.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <sched.h>
#include <set>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <vector>

namespace unsteady {

using hp::contract::Context;

namespace {

// Hides from the compiler that nobody has written there.
unsigned char* written_by_nobody(unsigned char* bytes) {
    asm volatile("" : "+r"(bytes) : : "memory");
    return bytes;
}

unsigned sum_of(const unsigned char* bytes, std::size_t count) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        sum = sum * 31 + bytes[i];
    }
    return sum;
}

} // namespace

void write_result(const std::string& text) {
    std::ofstream("result.txt", std::ios::trunc) << text << '\n';
}

void use_time(Context& c) {
    // Sometimes only: a fault that not every ledger shows.
    write_result("day " + std::to_string(std::time(nullptr) / 86'400));
    for (auto& user : c.users()) {
        user.send("done");
    }
}

void use_steady_clock(Context&) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    write_result(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()));
}

void use_random(Context&) {
    unsigned number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) {
        number = 1;
    }
    write_result("{\"rows\":[1,2,{\"id\":" + std::to_string(number) + "}]}");
}

void use_random_device(Context&) {
    std::random_device device;
    write_result(std::to_string(device()));
}

void use_pid(Context&) {
    write_result(std::to_string(::getpid()));
}

// Names that are kept by address come out in the order in which memory was handed out.
void use_pointer_order(Context&) {
    const std::vector<std::string> names = {"ann", "bob", "cy", "dee"};
    std::vector<std::unique_ptr<std::string>> kept;
    std::string text;
    int on_stack = 0;
    for (const std::string& name : names) {
        kept.push_back(std::make_unique<std::string>(name));
    }
    std::sort(kept.begin(), kept.end(), [&on_stack](const auto& a, const auto& b) {
        const auto hash = [&on_stack](const void* address) {
            return (reinterpret_cast<std::uintptr_t>(address) ^
                    reinterpret_cast<std::uintptr_t>(&on_stack)) *
                   0x9e3779b97f4a7c15U;
        };
        return hash(a.get()) < hash(b.get());
    });
    for (const auto& name : kept) {
        text += *name + " ";
    }
    write_result(text + std::to_string(reinterpret_cast<std::uintptr_t>(&on_stack) >> 20));
}

void use_uninitialised_stack(Context&) {
    unsigned char buffer[16384];
    write_result(std::to_string(sum_of(written_by_nobody(buffer), sizeof buffer)));
}

void use_uninitialised_heap(Context&) {
    const std::unique_ptr<unsigned char[]> buffer(new unsigned char[600]);
    write_result(std::to_string(sum_of(written_by_nobody(buffer.get()), 600)));
}

void use_directory_order(Context&) {
    std::string names;
    for (const auto& entry : std::filesystem::directory_iterator(".")) {
        names += entry.path().filename().string() + ' ';
    }
    write_result(names);
}

void use_file_times(Context&) {
    struct stat info {};
    ::stat("data1.txt", &info);
    write_result(std::to_string(info.st_mtime));
}

void use_host_name(Context&) {
    utsname name{};
    ::uname(&name);
    write_result(name.nodename);
}

void use_processors(Context&) {
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    write_result(std::to_string(CPU_COUNT(&set)));
}

void use_time_zone(Context& c) {
    const auto seconds = static_cast<std::time_t>(c.timestamp_ms() / 1000);
    const std::tm* const local = std::localtime(&seconds);
    write_result(std::to_string(local->tm_hour) + ":" + std::to_string(local->tm_min));
}

void use_path(Context&) {
    write_result(std::filesystem::current_path().string());
}

void use_node_key(Context& c) {
    write_result(std::string(c.public_key().hex()));
}

// Counts its runs where no other node can see it: a run that is repeated after a crash counts
// twice.
void use_private_file(Context&) {
    int runs = 0;
    std::ifstream("../runs.txt") >> runs;
    std::ofstream("../runs.txt", std::ios::trunc) << ++runs;
    write_result(std::to_string(runs));
}

// Takes the word of whoever is first.
void use_first_npl(Context& c) {
    c.npl().send("from " + std::string(c.public_key().hex()));
    const auto first = c.npl().receive(1000);
    write_result(first ? std::string(first.message->text()) : "nobody");
}

void use_nothing(Context& c) {
    write_result(std::to_string(c.timestamp_ms()));
    for (auto& user : c.users()) {
        for (const auto& input : user.inputs()) {
            user.send(input.text());
        }
    }
}

} // namespace unsteady
