// SPDX-License-Identifier: Apache-2.0
#include "contract/source_scan.hpp"

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t source_bytes_max = 4 * limits::mib;
constexpr std::size_t files_max = 5000;

struct Word {
    std::string_view text; // as it stands in the source, without white space
    Factor factor;
    std::string_view what;
};

constexpr Word javascript_words[] = {
    {"Date.now", Factor::time, "Date.now()"},
    {"newDate()", Factor::time, "new Date()"},
    {"newDate;", Factor::time, "new Date()"},
    {"performance.now", Factor::time, "performance.now()"},
    {"process.hrtime", Factor::time, "process.hrtime()"},
    {"process.uptime", Factor::time, "process.uptime()"},
    {"Math.random", Factor::random, "Math.random()"},
    {"randomBytes", Factor::random, "crypto.randomBytes()"},
    {"randomUUID", Factor::random, "crypto.randomUUID()"},
    {"randomInt", Factor::random, "crypto.randomInt()"},
    {"getRandomValues", Factor::random, "crypto.getRandomValues()"},
    {"generateKeyPair", Factor::random, "crypto.generateKeyPair()"},
    {"process.pid", Factor::pid, "process.pid"},
    {"process.ppid", Factor::pid, "process.ppid"},
    {"opendir", Factor::directory_order, "fs.opendir()"},
    {"mtimeMs", Factor::file_times, "times of files"},
    {"os.hostname", Factor::host, "os.hostname()"},
    {"os.cpus", Factor::cpus, "os.cpus()"},
    {"availableParallelism", Factor::cpus, "os.availableParallelism()"},
    {"toLocaleString", Factor::time_zone, "toLocaleString()"},
    {"toLocaleTimeString", Factor::time_zone, "toLocaleTimeString()"},
    {"toLocaleDateString", Factor::time_zone, "toLocaleDateString()"},
    {"getTimezoneOffset", Factor::time_zone, "getTimezoneOffset()"},
    {"getHours()", Factor::time_zone, "getHours()"},
    {"process.cwd", Factor::path, "process.cwd()"},
};

constexpr Word c_words[] = {
    {"time(nullptr)", Factor::time, "time()"},
    {"time(NULL)", Factor::time, "time()"},
    {"time(0)", Factor::time, "time()"},
    {"gettimeofday(", Factor::time, "gettimeofday()"},
    {"clock_gettime(", Factor::time, "clock_gettime()"},
    {"system_clock::now", Factor::time, "std::chrono::system_clock::now()"},
    {"random_device", Factor::random, "std::random_device"},
    {"getrandom(", Factor::random, "getrandom()"},
    {"getentropy(", Factor::random, "getentropy()"},
    {"/dev/urandom", Factor::random, "/dev/urandom"},
    {"getpid()", Factor::pid, "getpid()"},
    {"readdir(", Factor::directory_order, "readdir()"},
    {"directory_iterator", Factor::directory_order, "directory_iterator"},
    {"last_write_time", Factor::file_times, "last_write_time()"},
    {"st_mtim", Factor::file_times, "times of files"},
    {"gethostname(", Factor::host, "gethostname()"},
    {"hardware_concurrency", Factor::cpus, "hardware_concurrency()"},
    {"localtime", Factor::time_zone, "localtime()"},
    {"mktime(", Factor::time_zone, "mktime()"},
    {"std::thread", Factor::other, "std::thread"},
    {"std::async", Factor::other, "std::async"},
    {"pthread_create(", Factor::other, "pthread_create()"},
};

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Takes away comments, white space and the inside of quotes, a character at a time.
class Stripper {
public:
    explicit Stripper(std::string_view text) : text_(text) {}

    // One line of what is left; false at the end.
    bool line(std::string& out) {
        if (at_ >= text_.size()) {
            return false;
        }
        out.clear();
        while (at_ < text_.size() && text_[at_] != '\n') {
            step(out);
        }
        ++at_;
        if (quote_ != '`') { // only these go on over lines
            quote_ = 0;
        }
        return true;
    }

private:
    bool is_next(std::string_view word) const { return text_.substr(at_).starts_with(word); }

    void step(std::string& out) {
        const char c = text_[at_];
        if (in_comment_) {
            in_comment_ = !is_next("*/");
            at_ += in_comment_ ? 1 : 2;
        } else if (quote_ != 0) {
            if (c == '\\') {
                ++at_;
            } else if (c == quote_) {
                quote_ = 0;
                out += c;
            } else {
                out += keep_inside_ ? c : ' ';
            }
            ++at_;
        } else if (is_next("//")) {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (is_next("/*")) {
            in_comment_ = true;
            at_ += 2;
        } else {
            if (c == '"' || c == '\'' || c == '`') {
                quote_ = c;
                keep_inside_ = text_.substr(at_ + 1).starts_with("/dev/");
            }
            if (c != ' ' && c != '\t' && c != '\r') {
                out += c;
            }
            ++at_;
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    char quote_ = 0;
    bool in_comment_ = false;
    bool keep_inside_ = false;
};

// As a word of its own, and not a member of something: "ledger.time(0)" is the contract's own.
bool occurs(std::string_view line, std::string_view word) {
    for (std::size_t at = line.find(word); at != std::string_view::npos;
         at = line.find(word, at + 1)) {
        const char before = at == 0 ? ' ' : line[at - 1];
        const bool member = before == '.' || before == '>';
        const bool is_function = word.ends_with(')') && word.starts_with("time");
        if (!is_name_char(before) && !(is_function && member)) {
            return true;
        }
    }
    return false;
}

bool is_left_out(const std::string& name) {
    constexpr std::array<std::string_view, 6> names = {"node_modules", "build", "tests",
                                                       "client",       "dist",  "scenarios"};
    return name.starts_with('.') || std::ranges::find(names, name) != names.end();
}

// A copy of one of the contract libraries in the project.
bool is_of_sdk(const std::string& name) {
    return name.starts_with("hotpocket-contract") || name.starts_with("hotpocket_contract");
}

} // namespace

SourceKind source_kind(const fs::path& path) {
    const std::string ending = path.extension().string();
    constexpr std::array<std::string_view, 5> scripts = {".js", ".mjs", ".cjs", ".ts", ".jsx"};
    constexpr std::array<std::string_view, 7> compiled = {".c",   ".cc", ".cpp", ".cxx",
                                                          ".hpp", ".h",  ".hh"};
    if (std::ranges::find(scripts, ending) != scripts.end()) {
        return SourceKind::javascript;
    }
    return std::ranges::find(compiled, ending) != compiled.end() ? SourceKind::c : SourceKind::none;
}

void scan_text(std::string_view text, SourceKind kind, const std::string& name,
               std::set<Suspect>& out) {
    const std::span<const Word> words = kind == SourceKind::javascript
                                            ? std::span<const Word>(javascript_words)
                                            : std::span<const Word>(c_words);
    Stripper stripper(text);
    std::string line;
    for (std::size_t number = 1; stripper.line(line); ++number) {
        for (const Word& word : words) {
            if (occurs(line, word.text)) {
                out.insert(
                    {word.factor, std::string(word.what), name + ":" + std::to_string(number)});
            }
        }
    }
}

void scan_sources(const fs::path& folder, std::set<Suspect>& out) {
    std::error_code error;
    std::size_t files = 0;
    for (auto at = fs::recursive_directory_iterator(folder, error);
         !error && at != fs::recursive_directory_iterator() && files < files_max;
         at.increment(error)) {
        if (at->is_directory(error) && is_left_out(at->path().filename().string())) {
            at.disable_recursion_pending();
        }
        const SourceKind kind = source_kind(at->path());
        if (kind == SourceKind::none || is_of_sdk(at->path().filename().string()) ||
            !at->is_regular_file(error)) {
            continue;
        }
        ++files;
        const auto text = os::read_file(at->path(), source_bytes_max);
        if (text) {
            scan_text(as_text(*text), kind, at->path().lexically_relative(folder).string(), out);
        }
    }
}

} // namespace hp::dev
