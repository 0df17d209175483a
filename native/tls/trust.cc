#include "tls/trust.h"

#include <openssl/x509_vfy.h>

#include "tls/digest.h"
#include "tls/errors.h"
#include "tls/pem.h"

namespace expressgateway::tls {
namespace {

StorePointer Fail(std::string* problem) {
  *problem = "the authorities cannot be used: " + TakeReason("no memory");
  return nullptr;
}

StorePointer Build(const std::string& ca_pem, const std::string& crl_pem, std::string* problem) {
  std::vector<X509Pointer> authorities;
  std::vector<CrlPointer> crls;
  if (!ReadCertificates(ca_pem, &authorities, problem)) return nullptr;
  if (!crl_pem.empty() && !ReadCrls(crl_pem, &crls, problem)) return nullptr;
  StorePointer store(X509_STORE_new(), X509_STORE_free);
  if (store == nullptr) return Fail(problem);
  for (const X509Pointer& authority : authorities) {
    if (X509_STORE_add_cert(store.get(), authority.get()) != 1) return Fail(problem);
  }
  for (const CrlPointer& crl : crls) {
    if (X509_STORE_add_crl(store.get(), crl.get()) != 1) return Fail(problem);
  }
  if (!crls.empty()) {
    X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  }
  return store;
}

}  // namespace

StorePointer TrustStores::Get(const std::string& ca_pem, const std::string& crl_pem,
                              std::string* problem) {
  Digest digest = DigestOf({ca_pem, crl_pem});
  std::erase_if(entries_, [](const Entry& entry) { return entry.store.expired(); });
  for (const Entry& entry : entries_) {
    if (entry.digest == digest) return entry.store.lock();
  }
  StorePointer store = Build(ca_pem, crl_pem, problem);
  if (store != nullptr) entries_.push_back({digest, store});
  return store;
}

}  // namespace expressgateway::tls
