#include "tls/server_context.h"

#include <cstring>

#include "tls/digest.h"
#include "tls/errors.h"
#include "tls/pem.h"
#include "tls/session.h"

namespace expressgateway::tls {
namespace {

// How long a session may be resumed.
constexpr long kSessionSeconds = 2 * 60 * 60;

// After a handshake, full or resumed. A client that had n connections can so resume n, each with a ticket of its
// own (RFC 8446 appendix C.4); more of them, for clients that open more than before, would cost each full
// handshake 3 % of its time apiece.
constexpr size_t kTickets = 1;

std::string ModeName(ClientCertificate mode) {
  switch (mode) {
    case ClientCertificate::kOff:
      return "off";
    case ClientCertificate::kRequest:
      return "request";
    case ClientCertificate::kRequire:
      return "require";
  }
  return "";
}

// A session is resumed only where the same clients are let in: keys may be shared with listeners that
// ask for no certificate.
bool SetSessionScope(SSL_CTX* context, const ServerSettings& settings) {
  auto scope = DigestOf({ModeName(settings.client_certificate), settings.ca_pem, settings.crl_pem});
  return SSL_CTX_set_session_id_context(context, scope.data(), scope.size()) == 1;
}

void AllowTickets(SSL_CTX* context, bool allow) {
  if (allow) {
    SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  }
  SSL_CTX_set_num_tickets(context, allow ? kTickets : 0);
}

}  // namespace

std::shared_ptr<ServerContext> ServerContext::Open(const ServerSettings& settings,
                                                   TrustStores* trust, std::string* problem) {
  std::shared_ptr<ServerContext> made(new ServerContext());
  return made->Init(settings, trust, problem) ? made : nullptr;
}

bool ServerContext::Init(const ServerSettings& settings, TrustStores* trust, std::string* problem) {
  *problem = settings.certificates.empty() ? "there is no certificate" : "no memory";
  if (settings.certificates.empty() || !tickets_.Open()) return false;
  if (!OpenKeyLog(settings.common.key_log_path, problem)) return false;
  if (settings.client_certificate != ClientCertificate::kOff) {
    clients_ = trust->Get(settings.ca_pem, settings.crl_pem, problem);
    if (clients_ == nullptr) return false;
  }
  alpn_ = AlpnWire(settings.common.alpn);
  for (const Certificate& certificate : settings.certificates) {
    for (const std::string& name : certificate.names) names_.Add(name, shown_.size());
    if (!Add(settings, certificate, problem)) return false;
  }
  SetTicketKeys(settings.ticket_keys);
  return true;
}

bool ServerContext::Add(const ServerSettings& settings, const Certificate& certificate,
                        std::string* problem) {
  SslContextPointer made = Make(settings.common, problem);
  if (made == nullptr || !UseIdentity(made.get(), certificate.identity, problem)) return false;
  SSL_CTX* context = made.get();
  if (!SetSessionScope(context, settings) || !TakeClients(settings, context, problem)) return false;
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, OnTicket);
  SSL_CTX_set_tlsext_servername_callback(context, OnServerName);
  SSL_CTX_set_tlsext_servername_arg(context, this);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context, OnAlpn, this);
  shown_.push_back(std::make_unique<Shown>(Shown{std::move(made), certificate.ocsp}));
  SSL_CTX_set_tlsext_status_cb(context, OnStatus);
  SSL_CTX_set_tlsext_status_arg(context, shown_.back().get());
  return true;
}

bool ServerContext::TakeClients(const ServerSettings& settings, SSL_CTX* context,
                                std::string* problem) const {
  if (clients_ == nullptr) return true;
  std::vector<X509Pointer> authorities;
  if (!ReadCertificates(settings.ca_pem, &authorities, problem)) return false;
  for (const X509Pointer& authority : authorities) SSL_CTX_add_client_CA(context, authority.get());
  SSL_CTX_set1_cert_store(context, clients_.get());
  bool require = settings.client_certificate == ClientCertificate::kRequire;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  return true;
}

void ServerContext::SetTicketKeys(std::vector<TicketKey> keys) {
  tickets_.Replace(std::move(keys));
  for (const auto& shown : shown_) AllowTickets(shown->context.get(), !tickets_.empty());
}

SslPointer ServerContext::Begin(const std::string& place) {
  SslPointer ssl(SSL_new(shown_.front()->context.get()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

int ServerContext::OnServerName(SSL* ssl, int* alert, void* self) {
  auto* context = static_cast<ServerContext*>(self);
  const char* sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (sent == nullptr) return SSL_TLSEXT_ERR_NOACK;
  constexpr size_t kNone = SIZE_MAX;
  std::string name = NormalName(sent);
  size_t found = context->names_.Find(name, kNone);
  Session::Of(ssl)->SetServerName(std::move(name));
  if (found == kNone) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* shown = context->shown_[found]->context.get();
  bool taken = SSL_get_SSL_CTX(ssl) == shown || SSL_set_SSL_CTX(ssl, shown) != nullptr;
  return taken ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int ServerContext::OnAlpn(SSL* ssl, const uint8_t** chosen, uint8_t* chosen_bytes,
                          const uint8_t* offered, unsigned int offered_bytes, void* self) {
  const std::string& ours = static_cast<ServerContext*>(self)->alpn_;
  auto** out = const_cast<uint8_t**>(chosen);
  int result = SSL_select_next_proto(out, chosen_bytes, reinterpret_cast<const uint8_t*>(ours.data()),
                                     static_cast<unsigned int>(ours.size()), offered, offered_bytes);
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int ServerContext::OnStatus(SSL* ssl, void* shown) {
  const std::vector<uint8_t>& ocsp = static_cast<Shown*>(shown)->ocsp;
  if (ocsp.empty()) return SSL_TLSEXT_ERR_NOACK;
  void* copy = OPENSSL_memdup(ocsp.data(), ocsp.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(ocsp.size()));
  return SSL_TLSEXT_ERR_OK;
}

int ServerContext::OnTicket(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher,
                            EVP_MAC_CTX* mac, int encrypt) {
  auto& context = static_cast<ServerContext&>(Session::Of(ssl)->context());
  if (encrypt != 0) return context.tickets_.Encrypt(name, iv, cipher, mac);
  // A ticket of TLS 1.3 is best used once (RFC 8446 appendix C.4).
  bool renew = SSL_version(ssl) == TLS1_3_VERSION;
  return context.tickets_.Decrypt(name, iv, cipher, mac, renew);
}

}  // namespace expressgateway::tls
