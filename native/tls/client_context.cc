#include "tls/client_context.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>

#include "tls/errors.h"
#include "tls/pem.h"
#include "tls/session.h"

namespace expressgateway::tls {
namespace {

// Sessions to resume with one place: what a few new connections at a time need. And in all: for the
// addresses that a backend's name may have.
constexpr size_t kMaxSessionsOfPlace = 4;
constexpr size_t kMaxSessions = 64;

bool IsAddress(const std::string& name) {
  uint8_t bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

// Names are in the certificate's alternative names only (RFC 9525 section 6.2), and an asterisk is a
// whole label.
bool SetName(X509_VERIFY_PARAM* parameters, const std::string& name) {
  if (name.empty()) return true;
  if (IsAddress(name)) return X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size()) == 1;
}

}  // namespace

std::shared_ptr<ClientContext> ClientContext::Open(const ClientSettings& settings,
                                                   TrustStores* trust, std::string* problem) {
  std::shared_ptr<ClientContext> made(new ClientContext());
  return made->Init(settings, trust, problem) ? made : nullptr;
}

bool ClientContext::Init(const ClientSettings& settings, TrustStores* trust, std::string* problem) {
  if (!OpenKeyLog(settings.common.key_log_path, problem)) return false;
  context_ = Make(settings.common, problem);
  if (context_ == nullptr || !Verify(settings, trust, problem)) return false;
  if (settings.has_identity && !UseIdentity(context_.get(), settings.identity, problem)) return false;
  if (!IsAddress(settings.server_name)) server_name_ = settings.server_name;
  std::string alpn = AlpnWire(settings.common.alpn);
  *problem = "the protocol names (ALPN) cannot be used";
  // This one returns 0 when it succeeds.
  if (!alpn.empty() &&
      SSL_CTX_set_alpn_protos(context_.get(), reinterpret_cast<const uint8_t*>(alpn.data()),
                              static_cast<unsigned int>(alpn.size())) != 0) {
    return false;
  }
  SSL_CTX_set_session_cache_mode(context_.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_.get(), OnSession);
  return true;
}

bool ClientContext::Verify(const ClientSettings& settings, TrustStores* trust,
                           std::string* problem) {
  SSL_CTX_set_verify(context_.get(), settings.verify_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!settings.verify_peer) return true;
  trusted_ = trust->Get(settings.ca_pem, "", problem);
  if (trusted_ == nullptr) return false;
  SSL_CTX_set1_cert_store(context_.get(), trusted_.get());
  if (SetName(SSL_CTX_get0_param(context_.get()), settings.verify_name)) return true;
  ClearErrors();
  *problem = "the name to verify cannot be used: " + settings.verify_name;
  return false;
}

SslPointer ClientContext::Begin(const std::string& place) {
  SslPointer ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl.get());
  bool named = server_name_.empty() || SSL_set_tlsext_host_name(ssl.get(), server_name_.c_str()) == 1;
  if (!named) return nullptr;
  SslSessionPointer session = TakeSession(place);
  if (session != nullptr) SSL_set_session(ssl.get(), session.get());
  return ssl;
}

size_t ClientContext::Count(const std::string& place) const {
  auto is_here = [&](const Remembered& one) { return one.place == place; };
  return static_cast<size_t>(std::count_if(sessions_.begin(), sessions_.end(), is_here));
}

// The newest. A copy of one that is the last: using it again is better than none, and the library marks
// what was used.
SslSessionPointer ClientContext::TakeSession(const std::string& place) {
  auto is_here = [&](const Remembered& one) { return one.place == place; };
  auto found = std::find_if(sessions_.rbegin(), sessions_.rend(), is_here);
  if (found == sessions_.rend()) return nullptr;
  if (Count(place) == 1) return SslSessionPointer(SSL_SESSION_dup(found->session.get()));
  SslSessionPointer taken = std::move(found->session);
  sessions_.erase(std::next(found).base());
  return taken;
}

void ClientContext::Remember(const std::string& place, SslSessionPointer session) {
  if (SSL_SESSION_is_resumable(session.get()) != 1) return;
  if (Count(place) == kMaxSessionsOfPlace) {
    auto is_here = [&](const Remembered& one) { return one.place == place; };
    sessions_.erase(std::find_if(sessions_.begin(), sessions_.end(), is_here));
  } else if (sessions_.size() == kMaxSessions) {
    sessions_.pop_front();
  }
  sessions_.push_back({place, std::move(session)});
}

// 1: we have taken it.
int ClientContext::OnSession(SSL* ssl, SSL_SESSION* session) {
  Session* owner = Session::Of(ssl);
  owner->context().Remember(owner->place(), SslSessionPointer(session));
  return 1;
}

}  // namespace expressgateway::tls
