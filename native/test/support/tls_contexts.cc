#include "support/tls_contexts.h"

#include "support/registry.h"

namespace expressgateway::test {
namespace {

constexpr const char* kName = "server.test";

}  // namespace

TlsContexts::TlsContexts() : identity(authority.Issue(kName)) {
  server_settings.certificates.push_back({identity, {kName}, {}});
  server_settings.ticket_keys.emplace_back().fill(7);
  client_settings.ca_pem = authority.pem();
  client_settings.server_name = kName;
  client_settings.verify_name = kName;
  std::string problem;
  if (!Open(&problem)) Fail(__FILE__, __LINE__, problem);
}

bool TlsContexts::Open(std::string* problem) {
  server = tls::ServerContext::Open(server_settings, &trust, problem);
  client = server == nullptr ? nullptr : tls::ClientContext::Open(client_settings, &trust, problem);
  return client != nullptr;
}

}  // namespace expressgateway::test
