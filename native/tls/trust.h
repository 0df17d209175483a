// Authorities that are trusted, ready for use. One text makes one store as long as anybody uses it: those
// that the runtime trusts are about 150 certificates, which many contexts share.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace expressgateway::tls {

class TrustStores {
 public:
  // Null with the problem in words. `crl_pem`: the certificates of the whole chain are looked up in these
  // lists; empty: revocation is not checked.
  StorePointer Get(const std::string& ca_pem, const std::string& crl_pem, std::string* problem);

 private:
  using Digest = std::array<uint8_t, 32>;
  struct Entry {
    Digest digest;
    std::weak_ptr<X509_STORE> store;
  };

  std::vector<Entry> entries_;
};

}  // namespace expressgateway::tls
