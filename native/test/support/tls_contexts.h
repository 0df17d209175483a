// Contexts of a server and of a client that believes it.
#pragma once

#include <memory>

#include "support/test_identity.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace expressgateway::test {

struct TlsContexts {
  TlsContexts();

  // Makes new ones of changed settings. False with the problem in words.
  bool Open(std::string* problem);

  TestAuthority authority;
  tls::Identity identity;
  tls::TrustStores trust;
  tls::ServerSettings server_settings;
  tls::ClientSettings client_settings;
  std::shared_ptr<tls::ServerContext> server;
  std::shared_ptr<tls::ClientContext> client;
};

}  // namespace expressgateway::test
