#include "tls/context.h"

#include "tls/errors.h"
#include "tls/session.h"

namespace expressgateway::tls {
namespace {

// TLS 1.2 with forward secrecy and AEAD only. AES-128 first: it is as good as broken by nobody, and costs
// less than AES-256. Clients without AES in hardware prefer ChaCha20, and get it.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

// The hybrid post-quantum group first. An asterisk: a client offers a share of it at once. Libraries
// before OpenSSL 3.5 know neither.
constexpr const char* kGroups = "*X25519MLKEM768:*X25519:P-256:P-384";
constexpr const char* kOldGroups = "X25519:P-256:P-384";

constexpr uint64_t kOptions = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                              SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
                              // A few bytes could make much work.
                              | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#endif
    ;

// Buffers are let go between records, and what is sent may lie elsewhere when it is tried again.
constexpr long kModes = SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

bool SetGroups(SSL_CTX* context) {
  if (SSL_CTX_set1_groups_list(context, kGroups) == 1) return true;
  ClearErrors();
  return SSL_CTX_set1_groups_list(context, kOldGroups) == 1;
}

void OnSecret(const SSL* ssl, const char* line) {
  Session::Of(ssl)->context().key_log().Append(line);
}

}  // namespace

SslContextPointer Context::Make(const CommonSettings& settings, std::string* problem) const {
  ClearErrors();
  SslContextPointer made(SSL_CTX_new(server() ? TLS_server_method() : TLS_client_method()));
  SSL_CTX* context = made.get();
  int version = settings.only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  bool good = context != nullptr && SSL_CTX_set_min_proto_version(context, version) == 1 &&
              SSL_CTX_set_cipher_list(context, kCiphers12) == 1 &&
              SSL_CTX_set_ciphersuites(context, kCiphers13) == 1 && SetGroups(context);
  if (!good) {
    *problem = "TLS cannot be set up: " + TakeReason("no memory");
    return nullptr;
  }
  SSL_CTX_set_options(context, kOptions);
  SSL_CTX_set_mode(context, kModes);
  SSL_CTX_set_msg_callback(context, Session::OnMessage);
  if (key_log_.is_open()) SSL_CTX_set_keylog_callback(context, OnSecret);
  return made;
}

std::string AlpnWire(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    wire += static_cast<char>(name.size());
    wire += name;
  }
  return wire;
}

}  // namespace expressgateway::tls
