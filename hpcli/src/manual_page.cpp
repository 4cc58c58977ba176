// SPDX-License-Identifier: Apache-2.0
#include "manual_page.hpp"

#include "command_table.hpp"
#include "hp/base/version.hpp"

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

std::string command_section(const CommandInfo& info) {
    std::string out = ".SS \"hpcli " + text(info.words) + "\"\n";
    out += text(info.summary) + ".\n.PP\n.B hpcli " + text(info.words) + "\n";
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

std::string manual_page() {
    std::string out = ".TH HPCLI 1 \"\" \"hpcli " + std::string(version) + "\"\n";
    out += ".SH NAME\nhpcli \\- client of HotPocket contract clusters\n";
    out += ".SH SYNOPSIS\n.B hpcli\nCOMMAND [ARGUMENT...] [OPTION...]\n";
    out += ".SH DESCRIPTION\nStandard output is the answer and nothing else; notes and errors go "
           "to standard error. With\n.B \\-\\-json\nthe answer is one JSON document, or one a line "
           "for streams, and errors take its place.\n.B hpcli schema\nCOMMAND prints its "
           "schema.\n.B hpcli \\-\\-help\\-all\nlists the options that all commands share.\n";
    out += ".SH COMMANDS\n";
    for (const CommandInfo& info : command_table()) {
        out += command_section(info);
    }
    out += code_section();
    out += ".SH ENVIRONMENT\n.TP\n.B HP_SERVERS\nServers when neither option nor context names "
           "one.\n.TP\n.B HP_CONTEXT\nThe context to use.\n.TP\n.B NO_COLOR, CLICOLOR_FORCE\n"
           "Never or always use colours.\n";
    return out + ".SH FILES\n.TP\n.I ~/.local/share/hotpocket/keys\nKeys, mode 0600.\n.TP\n"
                 ".I ~/.config/hotpocket\nContexts, pinned servers.\n";
}

} // namespace hp::cli
