// Certificates made when they are needed: an authority, and what it issues. Nothing is stored.
#pragma once

#include <string>

#include "tls/openssl.h"
#include "tls/settings.h"

namespace expressgateway::test {

class TestAuthority {
 public:
  TestAuthority();

  // For a DNS name.
  tls::Identity Issue(const std::string& name);
  const std::string& pem() const { return pem_; }

 private:
  tls::KeyPointer key_;
  tls::X509Pointer certificate_;
  std::string pem_;
  long serial_ = 1;
};

}  // namespace expressgateway::test
