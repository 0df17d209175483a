// The context of a server: its certificates by name, its tickets, and whom it lets in.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tls/context.h"
#include "tls/names.h"
#include "tls/tickets.h"
#include "tls/trust.h"

namespace expressgateway::tls {

class ServerContext final : public Context {
 public:
  // Null with the problem in words.
  static std::shared_ptr<ServerContext> Open(const ServerSettings& settings, TrustStores* trust,
                                             std::string* problem);

  bool server() const override { return true; }
  SslPointer Begin(const std::string& place) override;
  // For connections from now on, and for tickets that open ones are still to get.
  void SetTicketKeys(std::vector<TicketKey> keys);

 private:
  // A certificate is shown by the library's context that it is in; they are otherwise alike.
  struct Shown {
    SslContextPointer context;
    std::vector<uint8_t> ocsp;
  };

  ServerContext() = default;
  bool Init(const ServerSettings& settings, TrustStores* trust, std::string* problem);
  bool Add(const ServerSettings& settings, const Certificate& certificate, std::string* problem);
  bool TakeClients(const ServerSettings& settings, SSL_CTX* context, std::string* problem) const;

  // What the library asks; see SSL_CTX_set_tlsext_servername_callback(3) and its kin.
  static int OnServerName(SSL* ssl, int* alert, void* self);
  static int OnAlpn(SSL* ssl, const uint8_t** chosen, uint8_t* chosen_bytes, const uint8_t* offered,
                    unsigned int offered_bytes, void* self);
  static int OnStatus(SSL* ssl, void* shown);
  static int OnTicket(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                      int encrypt);

  std::vector<std::unique_ptr<Shown>> shown_;
  NameTable names_;
  TicketKeys tickets_;
  std::string alpn_;
  // The authorities of clients; null when none is asked for a certificate.
  StorePointer clients_;
};

}  // namespace expressgateway::tls
