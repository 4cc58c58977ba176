// SPDX-License-Identifier: Apache-2.0
#include "cli/checks.hpp"

#include "cli/json_writer.hpp"
#include "cli/text_table.hpp"

namespace hp::cli {
namespace {

std::string_view to_word(Check::State state) {
    switch (state) {
    case Check::State::ok:
        return "ok";
    case Check::State::warn:
        return "warn";
    case Check::State::fail:
        break;
    }
    return "fail";
}

} // namespace

Outcome conclude(const Args& args, const Checks& checks) {
    TextTable table({"STATE", "WHAT", "FOUND"});
    JsonArray list;
    std::size_t failed = 0;
    std::string cures;
    for (const Check& check : checks) {
        failed += check.state == Check::State::fail ? 1U : 0U;
        table.add({std::string(to_word(check.state)), check.what, check.found});
        JsonObject item;
        item.add("what", check.what).add("state", to_word(check.state)).add("found", check.found);
        if (!check.cure.empty()) {
            item.add("cure", check.cure);
            cures += check.what + ": " + check.cure + "\n";
        }
        list.add_raw(item.text());
    }
    const std::string text = table.text() + cures;
    if (failed == 0) {
        return Answer{args.json ? document(args.schema).add("checks", list).text() + "\n" : text};
    }
    Failure out{ErrorId::doctor_found,
                std::to_string(failed) + (failed == 1 ? " check failed" : " checks failed")};
    out.answer = text;
    out.members.add("checks", list);
    return tl::unexpected(std::move(out));
}

} // namespace hp::cli
