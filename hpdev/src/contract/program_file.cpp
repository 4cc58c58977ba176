// SPDX-License-Identifier: Apache-2.0
#include "contract/program_file.hpp"

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <elf.h>
#include <memory>
#include <sstream>

namespace hp::dev {
namespace {

constexpr std::size_t program_bytes_max = 512 * limits::mib;
constexpr std::size_t calls_max = 200; // named in one program

std::string demangle(const std::string& name) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), std::free);
    return status == 0 && text ? std::string(text.get()) : name;
}

// A value at `offset`; absent beyond the end.
template <class T>
std::optional<T> value_at(ByteView bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T out;
    std::memcpy(&out, bytes.data() + offset, sizeof out);
    return out;
}

ByteView part(ByteView bytes, std::uint64_t offset, std::uint64_t size) {
    if (offset > bytes.size()) {
        return {};
    }
    const auto at = static_cast<std::size_t>(offset);
    return bytes.subspan(
        at, static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes.size() - at)));
}

std::string text_at(ByteView strings, std::uint64_t offset) {
    if (offset >= strings.size()) {
        return {};
    }
    const auto* text = reinterpret_cast<const char*>(strings.data() + offset);
    return std::string(text, ::strnlen(text, strings.size() - static_cast<std::size_t>(offset)));
}

// What a path must not lead to: a command line of a shell.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return out + "'";
}

std::string output_of(const std::string& command) {
    std::string out;
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    std::array<char, 4096> buffer{};
    while (pipe && out.size() < limits::mib) {
        const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
        if (got == 0) {
            break;
        }
        out.append(buffer.data(), got);
    }
    return out;
}

// "tally::add(int) at src/tally.cpp:41 (discriminator 3)"
CodePlace parse_place(std::string line) {
    CodePlace out;
    const std::size_t at = line.rfind(" at ");
    if (at == std::string::npos) {
        return out;
    }
    out.function = line.substr(0, at);
    std::string where = line.substr(at + 4);
    where = where.substr(0, where.find(" (discriminator"));
    const std::size_t colon = where.rfind(':');
    if (out.function == "??") {
        out.function.clear();
    }
    if (colon != std::string::npos && !where.starts_with("??")) {
        out.line = static_cast<std::size_t>(std::strtoul(where.c_str() + colon + 1, nullptr, 10));
        out.file = out.line > 0 ? where.substr(0, colon) : ""; // else not a source's name
    }
    return out;
}

} // namespace

std::string CodePlace::text() const {
    const std::string name = function.substr(0, function.find('('));
    if (file.empty()) {
        return name;
    }
    // Compilers write down where they were started; here that is below the project mostly.
    const std::filesystem::path whole = std::filesystem::path(file).lexically_normal();
    std::error_code error;
    const auto here = std::filesystem::current_path(error).string() + "/";
    const bool near = !error && whole.string().starts_with(here);
    return (near ? whole.string().substr(here.size()) : whole.string()) + ":" +
           std::to_string(line) + (name.empty() ? "" : " (" + name + ")");
}

bool CodePlace::is_library() const {
    if (function.starts_with("hp_")) { // the SDK for C is a header
        return true;
    }
    if (!file.empty()) {
        constexpr std::array<std::string_view, 8> parts = {
            "/usr/include/", "/usr/lib/", "contract-sdk/", "hp/contract/",
            "sysdeps/",      "glibc",     "libstdc++",     "/csu/"};
        return std::ranges::any_of(
            parts, [this](std::string_view one) { return file.find(one) != std::string::npos; });
    }
    if (function == "main") {
        return false;
    }
    // Without lines only a C++ name tells where a function comes from.
    constexpr std::array<std::string_view, 5> heads = {"std::", "__", "hp::contract::", "operator ",
                                                       "non-virtual thunk"};
    return function.find('(') == std::string::npos ||
           std::ranges::any_of(heads, [this](std::string_view head) {
               return function.starts_with(head) ||
                      function.find(" " + std::string(head)) != std::string::npos;
           });
}

class ElfParser {
public:
    explicit ElfParser(ProgramFile& out) : out_(out), bytes_(out.bytes_) {}

    bool parse() {
        const auto head = value_at<Elf64_Ehdr>(bytes_, 0);
        if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
            head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_X86_64) {
            return false;
        }
        for (std::uint64_t i = 0; i < head->e_phnum; ++i) {
            const auto one = value_at<Elf64_Phdr>(bytes_, head->e_phoff + i * sizeof(Elf64_Phdr));
            if (one && one->p_type == PT_LOAD) {
                out_.segments_.push_back(
                    {one->p_offset, one->p_vaddr, one->p_filesz, (one->p_flags & PF_X) != 0});
            }
        }
        for (std::uint64_t i = 0; i < head->e_shnum; ++i) {
            const auto one = value_at<Elf64_Shdr>(bytes_, head->e_shoff + i * sizeof(Elf64_Shdr));
            if (one) {
                sections_.push_back(*one);
            }
        }
        for (const Elf64_Shdr& section : sections_) {
            if (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM) {
                read_functions(section);
            } else if (section.sh_type == SHT_RELA) {
                read_slots(section);
            }
        }
        std::ranges::sort(out_.functions_, {}, &ProgramFile::Function::address);
        std::ranges::sort(out_.slots_, {}, &ProgramFile::Slot::address);
        return true;
    }

private:
    ByteView content(std::uint64_t index) const {
        return index < sections_.size()
                   ? part(bytes_, sections_[index].sh_offset, sections_[index].sh_size)
                   : ByteView();
    }

    void read_functions(const Elf64_Shdr& section) {
        const ByteView symbols = part(bytes_, section.sh_offset, section.sh_size);
        const ByteView names = content(section.sh_link);
        for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols.size();
             at += sizeof(Elf64_Sym)) {
            const auto one = value_at<Elf64_Sym>(symbols, at);
            const int type = ELF64_ST_TYPE(one->st_info);
            if ((type == STT_FUNC || type == STT_GNU_IFUNC) && one->st_value != 0) {
                out_.functions_.push_back(
                    {one->st_value, one->st_size, text_at(names, one->st_name)});
            }
        }
    }

    void read_slots(const Elf64_Shdr& section) {
        const ByteView entries = part(bytes_, section.sh_offset, section.sh_size);
        if (section.sh_link >= sections_.size()) {
            return;
        }
        const ByteView symbols = content(section.sh_link);
        const ByteView names = content(sections_[section.sh_link].sh_link);
        for (std::uint64_t at = 0; at + sizeof(Elf64_Rela) <= entries.size();
             at += sizeof(Elf64_Rela)) {
            const auto one = value_at<Elf64_Rela>(entries, at);
            const std::uint64_t type = ELF64_R_TYPE(one->r_info);
            const auto symbol =
                value_at<Elf64_Sym>(symbols, ELF64_R_SYM(one->r_info) * sizeof(Elf64_Sym));
            if (symbol && (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT)) {
                out_.slots_.push_back({one->r_offset, text_at(names, symbol->st_name)});
            }
        }
    }

    ProgramFile& out_;
    ByteView bytes_;
    std::vector<Elf64_Shdr> sections_;
};

std::optional<ProgramFile> ProgramFile::open(const std::filesystem::path& path) {
    auto bytes = os::read_file(path, program_bytes_max);
    if (!bytes) {
        return std::nullopt;
    }
    ProgramFile out;
    out.path_ = path;
    out.bytes_ = std::move(*bytes);
    return ElfParser(out).parse() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::uint64_t> ProgramFile::address_of(std::uint64_t offset) const {
    for (const Segment& one : segments_) {
        if (offset >= one.offset && offset - one.offset < one.size) {
            return offset - one.offset + one.address;
        }
    }
    return std::nullopt;
}

ByteView ProgramFile::code_at(std::uint64_t address, std::size_t length) const {
    for (const Segment& one : segments_) {
        if (address >= one.address && address - one.address + length <= one.size) {
            return part(bytes_, address - one.address + one.offset, length);
        }
    }
    return {};
}

const ProgramFile::Function* ProgramFile::function_at(std::uint64_t address) const {
    auto next = std::ranges::upper_bound(functions_, address, {}, &Function::address);
    if (next == functions_.begin()) {
        return nullptr;
    }
    --next;
    return address < next->address + std::max<std::uint64_t>(next->size, 1) ? &*next : nullptr;
}

const std::string* ProgramFile::slot_name(std::uint64_t address) const {
    const auto found = std::ranges::lower_bound(slots_, address, {}, &Slot::address);
    return found != slots_.end() && found->address == address ? &found->name : nullptr;
}

// A function's own name, or that of the one in another file to which a few instructions lead:
// an optional endbr64, then "jmp *slot".
const std::string* ProgramFile::name_called(std::uint64_t target, std::size_t depth) const {
    const auto found = std::ranges::lower_bound(functions_, target, {}, &Function::address);
    if (found != functions_.end() && found->address == target) {
        return &found->name;
    }
    constexpr std::array<std::uint8_t, 4> endbr = {0xf3, 0x0f, 0x1e, 0xfa};
    const ByteView code = code_at(target, 6);
    if (code.size() == 6 && depth == 0 && std::ranges::equal(code.first(4), endbr)) {
        return name_called(target + 4, 1);
    }
    const std::size_t prefix = !code.empty() && code[0] == 0xf2 ? 1 : 0; // bnd
    const ByteView jump = code_at(target + prefix, 6);
    if (jump.size() != 6 || jump[0] != 0xff || jump[1] != 0x25) {
        return nullptr;
    }
    const auto distance = value_at<std::int32_t>(jump, 2);
    return slot_name(target + prefix + 6 + static_cast<std::uint64_t>(std::int64_t{*distance}));
}

std::vector<NamedCall> ProgramFile::find_calls(const std::vector<std::string>& callees) const {
    std::vector<NamedCall> out;
    for (const Segment& segment : segments_) {
        if (!segment.executable) {
            continue;
        }
        const ByteView code = part(bytes_, segment.offset, segment.size);
        for (std::size_t i = 0; i + 6 <= code.size() && out.size() < calls_max; ++i) {
            // "call target" and its tail form, and "call *slot".
            const bool direct = code[i] == 0xe8 || code[i] == 0xe9;
            const bool by_slot = code[i] == 0xff && code[i + 1] == 0x15;
            if (!direct && !by_slot) {
                continue;
            }
            const std::size_t skip = direct ? 1 : 2;
            std::int32_t distance = 0;
            std::memcpy(&distance, code.data() + i + skip, sizeof distance);
            const std::uint64_t target =
                segment.address + i + skip + 4 + static_cast<std::uint64_t>(std::int64_t{distance});
            const std::string* name = direct ? name_called(target, 0) : slot_name(target);
            if (name != nullptr && std::ranges::find(callees, *name) != callees.end()) {
                out.push_back({*name, segment.offset + i + skip + 4});
            }
        }
    }
    return out;
}

std::vector<std::vector<CodePlace>>
ProgramFile::places(const std::vector<std::uint64_t>& offsets) const {
    std::vector<std::vector<CodePlace>> out(offsets.size());
    std::string command = "addr2line -Cfipe " + quoted(path_.string());
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        const std::uint64_t address = address_of(offsets[i]).value_or(0);
        std::array<char, 24> text{};
        // One back: inside the call, not behind it.
        std::snprintf(text.data(), text.size(), " 0x%llx",
                      static_cast<unsigned long long>(address - 1));
        command += text.data();
        if (const Function* function = function_at(address - 1)) {
            out[i].push_back({demangle(function->name), "", 0});
        }
    }
    std::istringstream lines(output_of(command + " 2>/dev/null"));
    std::size_t at = 0;
    for (std::string line; std::getline(lines, line) && at <= out.size();) {
        constexpr std::string_view inlined = " (inlined by) ";
        const bool outer = line.starts_with(inlined);
        CodePlace place = parse_place(outer ? line.substr(inlined.size()) : line);
        at += outer ? 0 : 1;
        if (at == 0 || at > out.size() || place.file.empty()) {
            continue;
        }
        std::vector<CodePlace>& chain = out[at - 1];
        if (!outer) {
            chain.clear();
        }
        chain.push_back(std::move(place));
    }
    return out;
}

} // namespace hp::dev
