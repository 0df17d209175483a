// The context of a client: whom it believes, and the sessions that its next connections may resume.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "tls/context.h"
#include "tls/trust.h"

namespace expressgateway::tls {

class ClientContext final : public Context {
 public:
  // Null with the problem in words.
  static std::shared_ptr<ClientContext> Open(const ClientSettings& settings, TrustStores* trust,
                                             std::string* problem);

  bool server() const override { return false; }
  SslPointer Begin(const std::string& place) override;
  void Remember(const std::string& place, SslSessionPointer session) override;

 private:
  struct Remembered {
    std::string place;
    SslSessionPointer session;
  };

  ClientContext() = default;
  bool Init(const ClientSettings& settings, TrustStores* trust, std::string* problem);
  bool Verify(const ClientSettings& settings, TrustStores* trust, std::string* problem);
  SslSessionPointer TakeSession(const std::string& place);
  size_t Count(const std::string& place) const;
  static int OnSession(SSL* ssl, SSL_SESSION* session);

  SslContextPointer context_;
  // Null when anybody is believed.
  StorePointer trusted_;
  // Sent as SNI; empty: none is sent.
  std::string server_name_;
  // Oldest first.
  std::deque<Remembered> sessions_;
};

}  // namespace expressgateway::tls
