// SPDX-License-Identifier: Apache-2.0
// Complete files lie in files/, unfinished ones in uploads/.
#include "store.hpp"

#include <hp/contract/bytes.hpp>
#include <hp/contract/files.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>

namespace store {
namespace {

namespace fs = std::filesystem;

std::string error(std::string_view what) {
    return "{\"error\":" + hp::contract::json_quote(what) + "}";
}

/// Digits that make a number far from overflow, or -1.
std::int64_t number(std::string_view text) {
    const auto out = hp::contract::parse_integer(text);
    return out && *out >= 0 && text.size() <= 15 ? *out : -1;
}

/// A name is part of a path on every node: nothing in it may lead elsewhere.
bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= name_bytes_max && name[0] != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

std::optional<std::uint64_t> size_of(const fs::path& path) {
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    return failed ? std::nullopt : std::optional<std::uint64_t>(size);
}

/// Sorted by name: the order of a directory differs from node to node.
std::vector<hp::contract::FileEntry> entries_of(const char* folder) {
    auto entries = hp::contract::list_directory(folder);
    return entries ? *std::move(entries) : std::vector<hp::contract::FileEntry>();
}

std::uint64_t bytes_used() {
    std::uint64_t out = 0;
    for (const char* folder : {"files", "uploads"})
        for (const auto& entry : entries_of(folder))
            out += entry.size_bytes;
    return out;
}

void append(const fs::path& path, std::uint64_t offset, std::string_view bytes) {
    fs::create_directories(path.parent_path());
    std::ofstream file(path, offset == 0 ? std::ios::binary : std::ios::binary | std::ios::app);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path.string());
}

std::string put(const std::string& name, std::uint64_t offset, std::uint64_t total,
                std::string_view bytes) {
    const fs::path upload = fs::path("uploads") / name;
    const std::uint64_t have = size_of(upload).value_or(0);
    if (bytes.size() > chunk_bytes_max)
        return error("a chunk has 1 MiB at most");
    if (total > file_bytes_max)
        return error("a file has 64 MiB at most");
    if (offset != 0 && offset != have) // the answer lets an interrupted client go on
        return "{\"error\":\"not the next chunk\",\"next\":" + std::to_string(have) + "}";
    if (bytes.size() > total - std::min(offset, total))
        return error("more than the announced total");
    if (bytes_used() - (offset == 0 ? have : 0) + bytes.size() > store_bytes_max)
        return error("the store is full");
    append(upload, offset, bytes);
    const std::uint64_t next = offset + bytes.size();
    if (next == total) {
        fs::create_directories("files");
        fs::rename(upload, fs::path("files") / name);
    }
    return "{\"name\":\"" + name + "\",\"next\":" + std::to_string(next) +
           ",\"total\":" + std::to_string(total) +
           ",\"done\":" + (next == total ? "true}" : "false}");
}

std::string get(const std::string& name, std::uint64_t offset, std::uint64_t length) {
    std::ifstream file(fs::path("files") / name, std::ios::binary);
    if (!file)
        return error("there is no such file");
    std::string out(std::min(length, chunk_bytes_max), '\0');
    file.seekg(static_cast<std::streamoff>(std::min(offset, file_bytes_max)));
    file.read(out.data(), static_cast<std::streamsize>(out.size()));
    out.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    return out;
}

std::string stat(const std::string& name) {
    for (const char* folder : {"files", "uploads"})
        if (const auto size = size_of(fs::path(folder) / name))
            return "{\"name\":\"" + name + "\",\"size\":" + std::to_string(*size) +
                   ",\"done\":" + (std::string_view(folder) == "files" ? "true}" : "false}");
    return error("there is no such file");
}

std::string list() {
    std::string out;
    for (const auto& entry : entries_of("files"))
        out += (out.empty() ? "{\"name\":\"" : ",{\"name\":\"") + entry.path +
               "\",\"size\":" + std::to_string(entry.size_bytes) + "}";
    return "{\"files\":[" + out + "]}";
}

std::string remove(const std::string& name) {
    const bool file = fs::remove(fs::path("files") / name);
    const bool upload = fs::remove(fs::path("uploads") / name);
    return file || upload ? "{\"deleted\":\"" + name + "\"}" : error("there is no such file");
}

} // namespace

std::string handle(std::string_view request, bool readonly) {
    const std::size_t line_end = std::min(request.find('\n'), request.size());
    const auto words = hp::contract::split(request.substr(0, line_end));
    const std::string_view verb = words[0];
    if (request == "list")
        return list();
    const std::string name(words.size() > 1 ? words[1] : "");
    const std::int64_t first = words.size() == 4 ? number(words[2]) : -1;
    const std::int64_t second = words.size() == 4 ? number(words[3]) : -1;
    const bool numbers = first >= 0 && second >= 0;
    const bool puts = verb == "put" && numbers && line_end < request.size();
    const bool deletes = verb == "delete" && words.size() == 2;
    if (!puts && !deletes && !(verb == "get" && numbers) && !(verb == "stat" && words.size() == 2))
        return error("unknown request; try put, get, stat, list or delete");
    if (!is_name(name))
        return error("a name has up to 64 letters, digits, dots, dashes and underscores");
    if (readonly && (puts || deletes))
        return error("a read request cannot change state; send this as an input");
    const auto offset = static_cast<std::uint64_t>(first);
    const auto size = static_cast<std::uint64_t>(second);
    if (puts)
        return put(name, offset, size, request.substr(line_end + 1));
    if (deletes)
        return remove(name);
    return verb == "stat" ? stat(name) : get(name, offset, size);
}

} // namespace store
