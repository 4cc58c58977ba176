// SPDX-License-Identifier: Apache-2.0
//
// Changes its state in every run that has inputs, and echoes them: what state.sh measures a round
// with. Arguments: nothing | page | everything | transactions, size of the file `big`, number of
// small files. The state is there before; with `transactions` an SQLite database is made.
//
// Threads: main thread only.
#include <hp/contract/contract.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t small_bytes = 100;
constexpr std::size_t piece_bytes = 1 << 20;
constexpr int transactions = 1000;

struct Plan {
    std::string_view what;
    std::size_t big_bytes = 0;
    std::size_t small_files = 0;
};

std::size_t number(std::string_view text) {
    std::size_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

void write_at(const std::string& name, std::size_t at, std::size_t size, char fill) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const std::vector<char> piece(std::min(size, piece_bytes), fill);
    for (std::size_t done = 0; done < size; done += piece.size()) {
        const std::size_t now = std::min(piece.size(), size - done);
        if (::pwrite(fd, piece.data(), now, static_cast<off_t>(at + done)) < 0)
            ::_exit(1);
    }
    ::close(fd);
}

std::string small_name(std::size_t file) {
    const std::string digits = std::to_string(file);
    return "file-" + std::string(6 - digits.size(), '0') + digits;
}

void change_page(const Plan& plan, std::size_t run) {
    const char fill = static_cast<char>('a' + run % 26);
    if (plan.big_bytes > 0) {
        const std::size_t pages = std::max<std::size_t>(1, plan.big_bytes / page_bytes);
        write_at("big", run * 7919 % pages * page_bytes, std::min(page_bytes, plan.big_bytes),
                 fill);
    } else if (plan.small_files > 0) {
        write_at(small_name(run % plan.small_files), 0, small_bytes, fill);
    }
}

void change_everything(const Plan& plan, std::size_t run) {
    const char fill = static_cast<char>('a' + run % 26);
    write_at("big", 0, plan.big_bytes, fill);
    for (std::size_t file = 0; file < plan.small_files; ++file)
        write_at(small_name(file), 0, small_bytes, fill);
}

void execute(sqlite3* database, const char* sql) {
    if (::sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        ::_exit(1);
}

void make_transactions() {
    sqlite3* database = nullptr;
    if (::sqlite3_open("notes.db", &database) != SQLITE_OK)
        ::_exit(1);
    execute(database, "CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, text TEXT)");
    for (int i = 0; i < transactions; ++i)
        execute(database, "INSERT INTO notes(text) VALUES ('a small row')");
    ::sqlite3_close(database);
}

void change(const Plan& plan, std::size_t run) {
    if (plan.what == "page")
        change_page(plan, run);
    else if (plan.what == "everything")
        change_everything(plan, run);
    else if (plan.what == "transactions")
        make_transactions();
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    Plan plan;
    plan.what = words.empty() ? "nothing" : words[0];
    plan.big_bytes = words.size() > 1 ? number(words[1]) : 0;
    plan.small_files = words.size() > 2 ? number(words[2]) : 0;
    return hp::contract::run([&plan](hp::contract::Context& c) {
        std::vector<hp::contract::BytesView> messages;
        bool any = false;
        for (auto& user : c.users()) {
            messages.clear();
            for (const auto& input : user.inputs())
                messages.push_back(input.bytes());
            any = any || !messages.empty();
            user.send_batch(messages);
        }
        if (any && !c.readonly())
            change(plan, static_cast<std::size_t>(c.lcl_seq_no().value_or(0)));
    });
}
