// SPDX-License-Identifier: Apache-2.0
#include "hp/net/tls.hpp"

#include "hp/os/files.hpp"

#include "openssl.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace hp::net {
namespace {

using BignumPtr = std::unique_ptr<BIGNUM, OpensslDeleter<BN_free>>;

constexpr std::size_t common_name_chars_max = 64; // X.520's bound; OpenSSL refuses more
constexpr long day_seconds = 24 * 60 * 60;
constexpr long valid_seconds = 3653 * day_seconds;
constexpr int serial_bits = 127; // positive in 16 bytes

Error openssl_failure() {
    return Error{Errc::io, take_openssl_error()};
}

bool add_extension(X509& certificate, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
    X509V3_set_ctx_nodb(&context);
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509& certificate) {
    const BignumPtr number(BN_new());
    return number && BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) != nullptr;
}

// Subject and issuer are the same: it signs itself.
bool set_name(X509& certificate, const std::string& common_name) {
    X509_NAME* name = X509_get_subject_name(&certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, as_bytes(common_name).data(),
                                      static_cast<int>(common_name.size()), -1, 0) == 1 &&
           X509_set_issuer_name(&certificate, name) == 1;
}

// Valid from yesterday, because the clocks of two machines differ.
bool set_validity(X509& certificate) {
    return X509_gmtime_adj(X509_getm_notBefore(&certificate), -day_seconds) != nullptr &&
           X509_gmtime_adj(X509_getm_notAfter(&certificate), valid_seconds) != nullptr;
}

bool set_extensions(X509& certificate) {
    return add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
}

Result<CertificatePtr> make_certificate(EVP_PKEY& key, const std::string& common_name) {
    CertificatePtr certificate(X509_new());
    if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
        !set_random_serial(*certificate) || !set_name(*certificate, common_name) ||
        !set_validity(*certificate) || X509_set_pubkey(certificate.get(), &key) != 1 ||
        !set_extensions(*certificate) || X509_sign(certificate.get(), &key, EVP_sha256()) == 0) {
        return fail(openssl_failure());
    }
    return certificate;
}

// The PEM text that `write` puts into a memory BIO. The copy of a key is wiped with its BIO.
template <class WritePem>
Status write_new_pem(const std::string& path, unsigned mode, const WritePem& write) {
    const BioPtr memory(BIO_new(BIO_s_secmem()));
    if (!memory || write(memory.get()) != 1) {
        return fail(openssl_failure());
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    HP_TRY(const os::Fd file, os::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    Status written = os::write_all(file.get(), as_bytes({text, static_cast<std::size_t>(size)}));
    if (written && fsync(file.get()) != 0) {
        written = fail(errno_error("cannot sync " + path, errno));
    }
    if (!written) {
        unlink(path.c_str());
    }
    return written;
}

} // namespace

Status make_self_signed(const TlsFiles& files, const std::string& node_name) {
    if (node_name.empty()) {
        return fail(Errc::invalid, "a certificate needs a node name");
    }
    ERR_clear_error();
    const KeyPtr key(EVP_EC_gen("P-256"));
    if (!key) {
        return fail(openssl_failure());
    }
    HP_TRY(const CertificatePtr certificate,
           make_certificate(*key, node_name.substr(0, common_name_chars_max)));
    HP_TRY_STATUS(write_new_pem(files.private_key_pem, 0600, [&key](BIO* out) {
        return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    }));
    Status written = write_new_pem(files.certificate_chain_pem, 0644, [&certificate](BIO* out) {
        return PEM_write_bio_X509(out, certificate.get());
    });
    if (!written) {
        unlink(files.private_key_pem.c_str()); // a key without certificate would block a retry
    }
    return written;
}

} // namespace hp::net
