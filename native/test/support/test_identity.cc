#include "support/test_identity.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "support/registry.h"

namespace expressgateway::test {
namespace {

constexpr long kDaySeconds = 86400;

std::string Text(BIO* bio) {
  char* bytes = nullptr;
  long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

std::string CertificatePem(X509* certificate) {
  tls::BioPointer bio(BIO_new(BIO_s_mem()));
  CHECK_EQ(PEM_write_bio_X509(bio.get(), certificate), 1);
  return Text(bio.get());
}

std::string KeyPem(EVP_PKEY* key) {
  tls::BioPointer bio(BIO_new(BIO_s_mem()));
  CHECK_EQ(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  return Text(bio.get());
}

void Extend(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  CHECK(extension != nullptr);
  CHECK_EQ(X509_add_ext(certificate, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

tls::X509Pointer Draft(const std::string& name, long serial, EVP_PKEY* key) {
  tls::X509Pointer draft(X509_new());
  X509_set_version(draft.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(draft.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(draft.get()), -kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(draft.get()), kDaySeconds);
  X509_set_pubkey(draft.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(draft.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const uint8_t*>(name.c_str()), -1, -1, 0);
  return draft;
}

}  // namespace

TestAuthority::TestAuthority() : key_(EVP_EC_gen("P-256")) {
  certificate_ = Draft("Test Authority", serial_++, key_.get());
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
  Extend(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  CHECK(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
  pem_ = CertificatePem(certificate_.get());
}

tls::Identity TestAuthority::Issue(const std::string& name) {
  tls::KeyPointer key(EVP_EC_gen("P-256"));
  tls::X509Pointer made = Draft(name, serial_++, key.get());
  X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
  Extend(made.get(), NID_subject_alt_name, "DNS:" + name);
  CHECK(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0);
  return {CertificatePem(made.get()), KeyPem(key.get())};
}

}  // namespace expressgateway::test
