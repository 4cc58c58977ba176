// SPDX-License-Identifier: Apache-2.0
// What a compiled program (ELF, 64 bit) tells about itself: its functions, whom they call by name,
// and which function and source line an address belongs to. Everything in the file is taken as
// untrusted. Blocking; asks the program addr2line for lines, where there is one.
#pragma once

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

struct CodePlace {
    std::string function; // demangled
    std::string file;     // as the compiler was told; empty: unknown
    std::size_t line = 0;

    // "src/tally.cpp:41 (tally::add)"
    std::string text() const;
    // Of the C or C++ library or the contract SDK.
    bool is_library() const;
};

struct NamedCall {
    std::string callee;       // as linkers know it
    std::uint64_t offset = 0; // of the call in the file
};

class ProgramFile {
public:
    // Absent when it is no program of this kind.
    static std::optional<ProgramFile> open(const std::filesystem::path& path);

    // Calls of these functions, in the program's own code and in libraries linked into it.
    std::vector<NamedCall> find_calls(const std::vector<std::string>& callees) const;

    // From inner to outer where functions were merged into their callers. Empty: nothing is known.
    std::vector<std::vector<CodePlace>> places(const std::vector<std::uint64_t>& offsets) const;

private:
    struct Segment {
        std::uint64_t offset = 0, address = 0, size = 0;
        bool executable = false;
    };
    struct Function {
        std::uint64_t address = 0, size = 0;
        std::string name;
    };
    struct Slot { // of the table through which other files' functions are called
        std::uint64_t address = 0;
        std::string name;
    };
    friend class ElfParser;

    std::optional<std::uint64_t> address_of(std::uint64_t offset) const;
    const Function* function_at(std::uint64_t address) const;
    const std::string* name_called(std::uint64_t target, std::size_t depth) const;
    const std::string* slot_name(std::uint64_t address) const;
    ByteView code_at(std::uint64_t address, std::size_t length) const;

    std::filesystem::path path_;
    Bytes bytes_;
    std::vector<Segment> segments_;
    std::vector<Function> functions_; // ascending by address
    std::vector<Slot> slots_;         // ascending by address
};

} // namespace hp::dev
