// SPDX-License-Identifier: Apache-2.0
// Certificates: made, loaded, refused.
#include "net_support.hpp"
#include "raw_client.hpp"

#include <cstdio>
#include <fstream>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

namespace hp::net::test {
namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

X509Ptr read_certificate(const std::string& path) {
    FILE* file = std::fopen(path.c_str(), "re");
    REQUIRE(file != nullptr);
    X509Ptr certificate(PEM_read_X509(file, nullptr, nullptr, nullptr), X509_free);
    std::fclose(file);
    REQUIRE(certificate);
    return certificate;
}

std::string common_name(const X509& certificate) {
    std::array<char, 256> text{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(&certificate), NID_commonName, text.data(),
                              static_cast<int>(text.size()));
    return text.data();
}

Errc listen_failure(const TlsFiles& files) {
    Reactor reactor;
    ListenOptions options = loopback_options();
    options.tls = files;
    const auto listener = listen(reactor, options, {}, {});
    REQUIRE_FALSE(listener);
    return listener.err().code;
}

} // namespace

TEST_CASE("a self-signed certificate has what clients look at", "[net]") {
    const TempDir dir;
    const TlsFiles files = dir.tls_files();
    REQUIRE(make_self_signed(files, std::string(70, 'n')));

    struct stat key_info {};
    REQUIRE(stat(files.private_key_pem.c_str(), &key_info) == 0);
    CHECK((key_info.st_mode & 0777) == 0600);

    const X509Ptr certificate = read_certificate(files.certificate_chain_pem);
    CHECK(common_name(*certificate) == std::string(64, 'n'));
    CHECK(X509_check_host(certificate.get(), "localhost", 0, 0, nullptr) == 1);
    CHECK(X509_check_host(certificate.get(), "example.org", 0, 0, nullptr) == 0);
    CHECK(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0) == 1);
    CHECK(X509_check_ip_asc(certificate.get(), "::1", 0) == 1);
    CHECK(X509_check_ca(certificate.get()) == 1);
    CHECK(X509_self_signed(certificate.get(), 1) == 1);
    CHECK(EVP_PKEY_is_a(X509_get0_pubkey(certificate.get()), "EC") == 1);
    CHECK(X509_cmp_current_time(X509_get0_notBefore(certificate.get())) < 0);
    int days = 0;
    int seconds = 0;
    REQUIRE(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) == 1);
    CHECK(days >= 3651);
}

TEST_CASE("making a certificate overwrites nothing", "[net]") {
    const TempDir dir;
    const TlsFiles files = dir.tls_files();
    REQUIRE(make_self_signed(files, "node"));
    CHECK(code_of(make_self_signed(files, "node")) == Errc::exists);

    // A certificate without its key: fails, and leaves no key behind.
    REQUIRE(std::filesystem::remove(files.private_key_pem));
    CHECK(code_of(make_self_signed(files, "node")) == Errc::exists);
    CHECK_FALSE(std::filesystem::exists(files.private_key_pem));

    CHECK(code_of(make_self_signed({dir.file("no/c"), dir.file("no/k")}, "n")) == Errc::not_found);
    CHECK(code_of(make_self_signed({dir.file("c"), dir.file("k")}, "")) == Errc::invalid);
}

TEST_CASE("certificate files that do not work are refused at once", "[net]") {
    const TempDir dir;
    const TlsFiles files = dir.tls_files();
    const TlsFiles other{dir.file("other_cert.pem"), dir.file("other_key.pem")};
    REQUIRE(make_self_signed(files, "node"));
    REQUIRE(make_self_signed(other, "other"));
    std::ofstream(dir.file("garbage.pem")) << "garbage";
    CHECK(listen_failure({files.certificate_chain_pem, other.private_key_pem}) == Errc::invalid);
    CHECK(listen_failure({files.certificate_chain_pem, dir.file("none")}) == Errc::not_found);
    CHECK(listen_failure({dir.file("none"), files.private_key_pem}) == Errc::not_found);
    CHECK(listen_failure({dir.file("garbage.pem"), files.private_key_pem}) == Errc::invalid);
    CHECK(listen_failure({files.certificate_chain_pem, dir.file("garbage.pem")}) == Errc::invalid);
}

TEST_CASE("an encrypted key is refused without asking for its password", "[net]") {
    const TempDir dir;
    const TlsFiles files = dir.tls_files();
    REQUIRE(make_self_signed(files, "node"));
    FILE* plain = std::fopen(files.private_key_pem.c_str(), "re");
    REQUIRE(plain != nullptr);
    EVP_PKEY* key = PEM_read_PrivateKey(plain, nullptr, nullptr, nullptr);
    std::fclose(plain);
    FILE* encrypted = std::fopen(dir.file("encrypted.pem").c_str(), "we");
    REQUIRE(encrypted != nullptr);
    const std::string password = "secret";
    CHECK(PEM_write_PrivateKey(encrypted, key, EVP_aes_128_cbc(), as_bytes(password).data(),
                               static_cast<int>(password.size()), nullptr, nullptr) == 1);
    std::fclose(encrypted);
    EVP_PKEY_free(key);
    CHECK(listen_failure({files.certificate_chain_pem, dir.file("encrypted.pem")}) ==
          Errc::invalid);
}

TEST_CASE("TLS 1.2 and 1.3 are spoken, and plain text to a TLS port ends at once", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);

    RawClient old(server.port, Transport::tls12_only);
    CHECK(old.tls_version() == "TLSv1.2");
    old.upgrade();
    REQUIRE(old.send_frame(2, "hello"));
    CHECK(old.read_frame().payload == "hello");

    RawClient current(server.port, Transport::tls);
    CHECK(current.tls_version() == "TLSv1.3");
    current.upgrade();
    REQUIRE(current.send_frame(2, "hello"));
    CHECK(current.read_frame().payload == "hello");

    RawClient plain(server.port);
    REQUIRE(plain.send_text(RawClient::request()));
    const auto begin = Steady::now();
    CHECK(plain.read_head().find("101") == std::string::npos);
    CHECK(Steady::now() - begin < 3s);
    CHECK(server.loop.wait([&] { return server.aborted.size() == 1; }));
}

TEST_CASE("the client sees the server's certificate and can insist on it", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    Record record;
    ConnectOptions to = connect_options(server.url("wss"));

    SECTION("fingerprint") {
        REQUIRE(connect_and_wait(server.loop, to, record));
        const X509Ptr certificate = read_certificate(options.tls->certificate_chain_pem);
        std::array<std::uint8_t, 32> digest{};
        REQUIRE(X509_digest(certificate.get(), EVP_sha256(), digest.data(), nullptr) == 1);
        CHECK(record.stream->peer_certificate_sha256() == to_hex(digest));
        REQUIRE(server.wait_stream());
        CHECK(server.loop.call(
            [&] { return server.records[0]->stream->peer_certificate_sha256().empty(); }));
    }
    SECTION("unknown issuer") {
        to.verify_certificate = true;
        CHECK(code_of(connect_and_wait(server.loop, to, record)) == Errc::denied);
    }
    SECTION("trusted issuer, by address and by name") {
        to.verify_certificate = true;
        to.ca_file = options.tls->certificate_chain_pem;
        REQUIRE(connect_and_wait(server.loop, to, record));
        Record named;
        to.url = "wss://localhost:" + std::to_string(server.port);
        REQUIRE(connect_and_wait(server.loop, to, named));
        server.loop.call([&] { named.stream->close(CloseCode::normal, ""); });
    }
    SECTION("trusted issuer, wrong name") {
        to.verify_certificate = true;
        to.ca_file = options.tls->certificate_chain_pem;
        to.url = "wss://127.0.0.2:" + std::to_string(server.port);
        server.loop.call([&] { server.listener->stop(); });
        options.address = "0.0.0.0";
        Server everywhere(options);
        to.url = "wss://127.0.0.2:" + std::to_string(everywhere.port);
        CHECK(code_of(connect_and_wait(everywhere.loop, to, record)) == Errc::denied);
    }
    SECTION("no file of issuers") {
        to.verify_certificate = true;
        to.ca_file = dir.file("none");
        CHECK(code_of(connect_and_wait(server.loop, to, record)) == Errc::not_found);
    }
    server.loop.stop();
    record.stream.reset(); // a stream does not outlive its reactor
}

TEST_CASE("both ends of a TLS connection, and nobody else, know its binding", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    options.tls13_only = true;
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    LoopThread client;
    Record first;
    Record second;
    ConnectOptions connect = connect_options(server.url("wss"));
    connect.tls13_only = true;
    REQUIRE(connect_and_wait(client, connect, first));
    REQUIRE(connect_and_wait(client, connect, second));
    REQUIRE(server.loop.wait([&] { return server.records.size() == 2; }));
    const auto of_server = [&](std::size_t index) {
        return server.loop.call([&] { return server.records[index]->stream->channel_binding(); });
    };
    const Bytes binding = client.call([&] { return first.stream->channel_binding(); });
    CHECK(binding.size() == 32);
    CHECK(of_server(0) == binding);
    CHECK(of_server(1) != binding);
    CHECK(of_server(1) == client.call([&] { return second.stream->channel_binding(); }));
}

TEST_CASE("there is nothing to bind to without TLS", "[net]") {
    Server plain;
    LoopThread client;
    Record record;
    REQUIRE(connect_and_wait(client, connect_options(plain.url("ws")), record));
    CHECK(client.call([&] { return record.stream->channel_binding(); }).empty());
}

TEST_CASE("a server that wants TLS 1.3 refuses older clients", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    options.tls13_only = true;
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    CHECK_FALSE(RawClient::can_connect(server.port, Transport::tls12_only));
    CHECK(RawClient::can_connect(server.port, Transport::tls));
    REQUIRE(server.loop.wait([&] { return !server.aborted.empty(); }));
}

} // namespace hp::net::test
