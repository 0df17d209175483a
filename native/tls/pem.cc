#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls/errors.h"

namespace expressgateway::tls {
namespace {

// The library's own would ask on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

bool Fail(std::string* problem, const char* what, const char* otherwise) {
  *problem = std::string(what) + ": " + TakeReason(otherwise);
  return false;
}

BioPointer Source(const std::string& pem) {
  ClearErrors();
  return BioPointer(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Whether reading has ended because nothing more was there.
bool AtEnd() {
  unsigned long error = ERR_peek_last_error();
  bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (at_end) ERR_clear_error();
  return at_end;
}

}  // namespace

bool ReadCertificates(const std::string& pem, std::vector<X509Pointer>* out, std::string* problem) {
  constexpr const char* kWhat = "bad PEM of a certificate";
  BioPointer source = Source(pem);
  for (;;) {
    X509* read = PEM_read_bio_X509_AUX(source.get(), nullptr, NoPassphrase, nullptr);
    if (read == nullptr) break;
    out->emplace_back(read);
  }
  if (!AtEnd()) return Fail(problem, kWhat, "unreadable");
  if (!out->empty()) return true;
  return Fail(problem, kWhat, "it holds none");
}

bool ReadCrls(const std::string& pem, std::vector<CrlPointer>* out, std::string* problem) {
  constexpr const char* kWhat = "bad PEM of a revocation list (CRL)";
  BioPointer source = Source(pem);
  for (;;) {
    X509_CRL* read = PEM_read_bio_X509_CRL(source.get(), nullptr, NoPassphrase, nullptr);
    if (read == nullptr) break;
    out->emplace_back(read);
  }
  if (!AtEnd()) return Fail(problem, kWhat, "unreadable");
  if (!out->empty()) return true;
  return Fail(problem, kWhat, "it holds none");
}

bool ReadKey(const std::string& pem, KeyPointer* out, std::string* problem) {
  BioPointer source = Source(pem);
  out->reset(PEM_read_bio_PrivateKey(source.get(), nullptr, NoPassphrase, nullptr));
  if (*out != nullptr) {
    ClearErrors();
    return true;
  }
  return Fail(problem, "bad PEM of a private key", "it holds none, or is encrypted");
}

bool UseIdentity(SSL_CTX* context, const Identity& identity, std::string* problem) {
  std::vector<X509Pointer> chain;
  KeyPointer key;
  if (!ReadCertificates(identity.cert_pem, &chain, problem)) return false;
  if (!ReadKey(identity.key_pem, &key, problem)) return false;
  if (X509_check_private_key(chain[0].get(), key.get()) != 1) {
    ClearErrors();
    *problem = "the private key does not match the certificate";
    return false;
  }
  bool used = SSL_CTX_use_certificate(context, chain[0].get()) == 1 &&
              SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  for (size_t index = 1; used && index < chain.size(); index++) {
    used = SSL_CTX_add1_chain_cert(context, chain[index].get()) == 1;
  }
  return used || Fail(problem, "the certificate cannot be used", "unknown reason");
}

}  // namespace expressgateway::tls
