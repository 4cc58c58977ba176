// SPDX-License-Identifier: Apache-2.0
#include "cli/manual_page.hpp"

#include "hp/base/version.hpp"

#include <algorithm>
#include <cctype>

namespace hp::cli {
namespace {

// Nothing in it is markup: dashes stay dashes, a dot or quote at the start is text.
std::string text(std::string_view plain) {
    std::string out;
    for (const char c : plain) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
    }
    return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string command_section(const std::string& name, const CommandInfo& info) {
    std::string out = ".SS \"" + name + " " + text(info.words) + "\"\n";
    out += text(info.summary) + ".\n.PP\n.B " + name + " " + text(info.words) + "\n";
    if (!info.arguments.empty()) {
        out += text(info.arguments) + "\n";
    }
    for (const OptionInfo& option : info.options) {
        out += ".TP\n.B " + text(option.names) + " " + text(option.value) + "\n" +
               text(option.text) + "\n";
    }
    return out + ".PP\nExamples:\n.PP\n.nf\n.RS\n" + text(info.example) + "\n" +
           text(info.example_more) + "\n.RE\n.fi\n";
}

std::string code_section() {
    std::string out = ".SH \"EXIT STATUS\"\nThe exit code is the thousands of the error's "
                      "number.\n";
    for (const ErrorInfo& error : error_table) {
        out += ".TP\n.B " + text(error.code) + "\n" + text(error.meaning) + "\n";
    }
    return out + ".PP\n130: interrupted. 141: the reader has gone. 143: terminated.\n";
}

} // namespace

std::string manual_page(const Program& program) {
    const std::string name(program.name);
    std::string title = name;
    std::ranges::transform(title, title.begin(), [](unsigned char c) { return std::toupper(c); });
    std::string out = ".TH " + title + " 1 \"\" \"" + name + " " + std::string(version) + "\"\n";
    out += ".SH NAME\n" + name + " \\- " + text(program.summary) + "\n";
    out += ".SH SYNOPSIS\n.B " + name + "\nCOMMAND [ARGUMENT...] [OPTION...]\n";
    out += ".SH DESCRIPTION\nStandard output is the answer and nothing else; notes and errors go "
           "to standard error. With\n.B \\-\\-json\nthe answer is one JSON document, or one a line "
           "for streams, and errors take its place.\n.B " +
           name + " schema\nCOMMAND prints its schema.\n.B " + name +
           " \\-\\-help\\-all\nlists the options that all commands share.\n.SH COMMANDS\n";
    for (const CommandInfo& info : program.commands) {
        out += command_section(name, info);
    }
    return out + code_section() + std::string(program.manual_end);
}

} // namespace hp::cli
