// SPDX-License-Identifier: Apache-2.0
// trust: the servers whose keys and certificates are remembered.
#include "commands.hpp"

#include "cli/confirm.hpp"
#include "cli/fleet.hpp"
#include "cli/keys.hpp"
#include "cli/options.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "cli/trust.hpp"
#include "hp/client/unl_trust.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

JsonObject pin_json(const Pin& pin) {
    JsonObject out;
    out.add("url", pin.url).add("key", pin.key.hex());
    out.add("certificate_sha256", pin.certificate_sha256).add("contract_id", pin.contract_id);
    return out.add("unl", to_json(pin.unl)).add("added", pin.added);
}

std::string pin_text(const Pin& pin) {
    return pin.url + "\n" + text_row("  key", pin.key.hex()) +
           text_row("  certificate", pin.certificate_sha256) +
           text_row("  contract", pin.contract_id) +
           text_row("  unl", std::to_string(pin.unl.size()) + " validators") +
           text_row("  since", pin.added);
}

Outcome pin_answer(const Args& args, const Pin& pin) {
    return Answer{args.json ? document(args.schema).add("server", pin_json(pin)).text() + "\n"
                            : pin_text(pin)};
}

Outcome run_list(const Args& args) {
    const auto pins = load_pins();
    if (!pins) {
        return tl::unexpected(pins.error());
    }
    std::string text;
    JsonArray list;
    for (const Pin& pin : *pins) {
        text += pin_text(pin);
        list.add_raw(pin_json(pin).text());
    }
    return Answer{args.json ? document(args.schema).add("servers", list).text() + "\n" : text};
}

tl::expected<bool, Failure> is_pinned(const std::string& url) {
    const auto pins = load_pins();
    if (!pins) {
        return tl::unexpected(pins.error());
    }
    return std::ranges::find(*pins, url, &Pin::url) != pins->end();
}

// Connects and remembers what it finds. A pinned server has to be what it was, or --force.
Outcome run_pin(const Args& args) {
    Args once = args;
    once.connection.servers = {args.arguments.front()};
    if (!once.connection.servers.front().starts_with("ws")) {
        return bad_value("trust pin", args.arguments.front(), "wss://HOST:PORT");
    }
    const auto pinned = is_pinned(args.arguments.front());
    if (!pinned) {
        return tl::unexpected(pinned.error());
    }
    if (*pinned && !args.options.has("force")) {
        return failure(ErrorId::name_taken, args.arguments.front() + " is pinned already",
                       "--force pins it anew; first find out why it has changed");
    }
    once.connection.pin = PinMode::off;
    const auto signer = session_signer(once, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    Session session(once, *signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &session] {
        const Pin pin = make_pin(session.url(), session.client().server());
        auto stored = store_pin(pin);
        session.finish(stored ? pin_answer(args, pin) : tl::unexpected(std::move(stored.error())));
    });
}

// From facts that came another way, without connecting.
Outcome run_add(const Args& args) {
    Pin pin;
    pin.url = args.arguments[0];
    const auto key = parse_public_key_hex(args.arguments[1]);
    if (!key || (!pin.url.starts_with("wss://") && !pin.url.starts_with("ws://"))) {
        return failure(ErrorId::usage, "expected a URL and the node's public key");
    }
    pin.key = *key;
    pin.certificate_sha256 = args.options.text("certificate").value_or("");
    for (const std::string& text : args.options.all("validator")) {
        const auto member = parse_public_key_hex(text);
        if (!member) {
            return bad_value("--validator", text, "66 hex characters starting with ed");
        }
        pin.unl.push_back(*member);
    }
    std::ranges::sort(pin.unl);
    const auto pinned = is_pinned(pin.url);
    if (!pinned) {
        return tl::unexpected(pinned.error());
    }
    if (*pinned) {
        return failure(ErrorId::name_taken, pin.url + " is pinned already",
                       "hpcli trust rm " + pin.url);
    }
    auto stored = store_pin(pin);
    return stored ? pin_answer(args, pin) : tl::unexpected(std::move(stored.error()));
}

Outcome run_rm(const Args& args) {
    const std::string& url = args.arguments.front();
    if (auto agreed = confirm(args, "forget " + url); !agreed) {
        return tl::unexpected(std::move(agreed.error()));
    }
    const auto removed = remove_pin(url);
    if (!removed) {
        return tl::unexpected(removed.error());
    }
    if (!*removed) {
        return failure(ErrorId::not_known, url + " is not pinned", "hpcli trust list");
    }
    return Answer{args.json ? document(args.schema).add("url", url).text() + "\n" : ""};
}

// --- check ---------------------------------------------------------------------------------------

std::string unl_word(std::size_t announcers, std::size_t old_size) {
    return std::to_string(announcers) + " of the " + std::to_string(old_size) +
           " validators known so far were heard";
}

struct Checked {
    std::vector<PublicKey> unl; // that is believed now
    bool changed = false;
};

// The validators that a quorum of the pinned ones announces.
tl::expected<Checked, Failure> check_unl(const Fleet& fleet, double quorum) {
    std::vector<PublicKey> old;
    for (const Fleet::Member& member : fleet.members()) {
        if (member.pin && !member.pin->unl.empty()) {
            old = member.pin->unl;
            break;
        }
    }
    client::UnlTrust trust(old, quorum);
    bool differs = false;
    for (const Fleet::Member& member : fleet.members()) {
        if (member.connected_mono_us != 0) {
            const client::ServerInfo& server = member.client->server();
            trust.on_announced(server.key, server.unl);
            differs = differs || server.unl != trust.trusted();
        }
    }
    if (!differs) {
        return Checked{trust.trusted(), false};
    }
    const auto agreed = trust.agreed();
    if (agreed.empty()) {
        return failure(ErrorId::unl_changed,
                       "the validators are said to have changed, but no quorum of the old ones "
                       "says so: " +
                           unl_word(trust.announcers(), trust.trusted().size()),
                       "name more of their servers with --server");
    }
    return Checked{agreed, agreed != trust.trusted()};
}

Outcome run_check(const Args& args) {
    const auto pins = load_pins();
    if (!pins) {
        return tl::unexpected(pins.error());
    }
    Args all = args;
    if (all.connection.servers.empty()) {
        for (const Pin& pin : *pins) {
            all.connection.servers.push_back(pin.url);
        }
    }
    if (all.connection.servers.empty()) {
        return failure(ErrorId::not_known, "no server is pinned", "hpcli trust pin URL");
    }
    all.quiet = true; // a change of validators is this command's answer
    const auto signer = session_signer(all, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    Fleet fleet(all, *signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    if (auto done = fleet.run([&fleet](std::size_t member) { fleet.succeed(member); }); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    std::string text;
    JsonArray list;
    std::optional<Failure> worst;
    for (const Fleet::Member& member : fleet.members()) {
        const std::string state = member.problem ? member.problem->message
                                  : member.pin   ? "as before"
                                                 : "not pinned";
        text += text_row(member.url, state);
        list.add_raw(JsonObject()
                         .add("url", member.url)
                         .add("pinned", member.pin.has_value())
                         .add("state", state)
                         .text());
        if (member.problem && (!worst || member.problem->id == ErrorId::untrusted_server)) {
            worst = member.problem;
        }
    }
    const auto unl = check_unl(fleet, args.connection.quorum);
    if (!worst && !unl) {
        worst = unl.error();
    }
    if (worst) {
        worst->answer = text;
        worst->members.add("servers", list);
        return tl::unexpected(std::move(*worst));
    }
    for (const Fleet::Member& member : fleet.members()) {
        if (unl->changed && member.pin) {
            Pin pin = *member.pin;
            pin.unl = unl->unl;
            if (auto stored = store_pin(pin); !stored) {
                return tl::unexpected(std::move(stored.error()));
            }
        }
    }
    if (!args.json) {
        return Answer{text + (unl->changed ? "validators: changed, with the word of a quorum\n"
                                           : "validators: as before\n")};
    }
    JsonObject out = document(args.schema);
    out.add("servers", list).add("unl_changed", unl->changed).add("unl", to_json(unl->unl));
    return Answer{out.text() + "\n"};
}

constexpr std::array pin_options = {OptionInfo{"--force", "", "also when it has changed"}};
constexpr std::array add_options = {
    OptionInfo{"--certificate", "SHA256", "fingerprint of its certificate"},
    OptionInfo{"--validator", "HEX...", "key of a validator (repeat)"},
};

constexpr std::string_view server_fields =
    "ok:bool server:{url:text key:key certificate_sha256:text contract_id:text unl:[key] "
    "added:text}";

constexpr std::array trust_table = {
    CommandInfo{"trust list",
                "",
                0,
                0,
                Scope::offline,
                "List the servers that are remembered",
                "hpcli trust list",
                "hpcli trust list --json | jq -r '.servers[].url'",
                {},
                "ok:bool servers:[{url:text key:key certificate_sha256:text contract_id:text "
                "unl:[key] added:text}]",
                run_list},
    CommandInfo{"trust pin", "URL", 1, 1, Scope::on_demand,
                "Connect, and remember the server's key, certificate and validators",
                "hpcli trust pin wss://node.example.org:8080",
                "hpcli trust pin wss://127.0.0.1:8080 --force --json", pin_options, server_fields,
                run_pin},
    CommandInfo{"trust add", "URL KEY", 2, 2, Scope::offline,
                "Remember a server from what its operator has told",
                "hpcli trust add wss://node.example.org:8080 \"$node_key\"",
                "hpcli trust add wss://n1:8080 $A --validator $A --validator $B", add_options,
                server_fields, run_add},
    CommandInfo{"trust rm",
                "URL",
                1,
                1,
                Scope::offline,
                "Forget a server",
                "hpcli trust rm wss://node.example.org:8080",
                "hpcli trust rm wss://127.0.0.1:8080 --yes",
                {},
                "ok:bool url:text",
                run_rm},
    CommandInfo{"trust check",
                "",
                0,
                0,
                Scope::on_demand,
                "Compare servers with what is remembered; accept new validators from a quorum",
                "hpcli trust check",
                "hpcli trust check -s wss://n1:8080 -s wss://n2:8080 --json",
                {},
                "ok:bool servers:[{url:text pinned:bool state:text}] unl_changed:bool unl:[key]",
                run_check},
};

} // namespace

Commands trust_commands() {
    return trust_table;
}

} // namespace hp::cli
