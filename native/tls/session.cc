#include "tls/session.h"

#include <openssl/err.h>
#include <time.h>

#include <new>

#include "tls/errors.h"
#include "tls/names.h"

namespace expressgateway::tls {
namespace {

// Handshake messages after the handshake: renewed keys, attempts to renegotiate, session tickets. Each
// makes work, and peers that mean well send a few in the life of a connection.
constexpr uint16_t kMaxMessages = 32;
constexpr int64_t kWindowMs = 60'000;

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

bool IsVerifyFailure(const std::string& reason) {
  constexpr unsigned long kCode = ERR_PACK(ERR_LIB_SSL, 0, SSL_R_CERTIFICATE_VERIFY_FAILED);
  return reason == ERR_reason_error_string(kCode);
}

}  // namespace

std::unique_ptr<Session> Session::Make(std::shared_ptr<Context> context, Wire* wire,
                                       std::string place) {
  ClearErrors();
  std::unique_ptr<Session> made(new (std::nothrow) Session());
  if (made == nullptr) return nullptr;
  made->wire_ = wire;
  made->context_ = std::move(context);
  made->place_ = std::move(place);
  made->ssl_ = made->context_->Begin(made->place_);
  BIO* bio = made->ssl_ == nullptr ? nullptr : wire->Attach();
  bool ready = bio != nullptr && SSL_set_app_data(made->ssl_.get(), made.get()) == 1;
  if (bio != nullptr && made->ssl_ != nullptr) SSL_set_bio(made->ssl_.get(), bio, bio);
  ClearErrors();
  return ready ? std::move(made) : nullptr;
}

// A connection that was cut is no reason to forget its session, as the library would have it.
Session::~Session() {
  if (ssl_ != nullptr && reason_.empty()) {
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  ssl_.reset();
  ClearErrors();
}

void Session::Fail(std::string reason) {
  if (reason_.empty()) reason_ = std::move(reason);
}

Step Session::Handshake() {
  if (!reason_.empty()) return Step::kFailed;
  ClearErrors();
  Step step = After(SSL_do_handshake(ssl_.get()), "the handshake failed");
  ready_ = step == Step::kDone;
  return step;
}

// While there is input, or a record that was not taken whole: asking once more would cost a call that
// finds nothing.
Step Session::Read(uint8_t* to, size_t room, size_t* got) {
  if (!reason_.empty()) return Step::kFailed;
  for (size_t left = room; wire_->unread() > 0 || unread();) {
    if (left == 0) return Step::kDone;
    // Behind its close_notify nothing counts.
    if (peer_ended_) break;
    ClearErrors();
    size_t here = 0;
    Step step = After(SSL_read_ex(ssl_.get(), to, left, &here), "reading failed");
    if (step != Step::kDone) return step;
    to += here;
    left -= here;
    *got += here;
  }
  wire_->Drop();
  return Step::kMore;
}

Step Session::Peek() {
  if (!reason_.empty()) return Step::kFailed;
  if (peer_ended_) return Step::kMore;
  ClearErrors();
  uint8_t byte;
  size_t got = 0;
  return After(SSL_peek_ex(ssl_.get(), &byte, 1, &got), "reading failed");
}

Step Session::Write(const void* bytes, size_t size) {
  if (!reason_.empty()) return Step::kFailed;
  if (size == 0) return Step::kDone;
  ClearErrors();
  size_t written = 0;
  return After(SSL_write_ex(ssl_.get(), bytes, size, &written), "writing failed");
}

Step Session::End() {
  if (ended_ || !ready_ || !reason_.empty()) return Step::kDone;
  ClearErrors();
  // 0: ours is sent, and the peer's has not come.
  int result = SSL_shutdown(ssl_.get());
  Step step = result == 0 ? Step::kDone : After(result, "ending failed");
  ended_ = step != Step::kFull;
  return ended_ ? Step::kDone : step;
}

// What a call's result means. The library's queue of errors is empty after it.
Step Session::After(int result, const char* otherwise) {
  Step step = flooded_ ? Step::kFailed : StepOf(SSL_get_error(ssl_.get(), result));
  if (flooded_) Fail("too many handshake messages");
  if (step == Step::kFailed) Explain(otherwise);
  ClearErrors();
  return step;
}

Step Session::StepOf(int error) {
  switch (error) {
    case SSL_ERROR_NONE:
      return Step::kDone;
    case SSL_ERROR_WANT_READ:
      return Step::kMore;
    case SSL_ERROR_WANT_WRITE:
      return Step::kFull;
    case SSL_ERROR_ZERO_RETURN:
      peer_ended_ = true;
      wire_->Drop();
      return Step::kMore;
    default:
      return Step::kFailed;
  }
}

void Session::Explain(const char* otherwise) {
  std::string reason = TakeReason(otherwise);
  if (IsVerifyFailure(reason)) {
    reason += ": ";
    reason += X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get()));
  }
  Fail(std::move(reason));
}

// Called for every record; the first byte of a handshake message is its type.
void Session::OnMessage(int sent, int version, int type, const void* bytes, size_t size, SSL* ssl,
                        void* unused) {
  if (sent != 0 || type != SSL3_RT_HANDSHAKE) return;
  Session* session = Of(ssl);
  if (session->ready_) session->CountMessage();
}

void Session::CountMessage() {
  int64_t now = NowMs();
  if (now - window_began_ms_ > kWindowMs) {
    window_began_ms_ = now;
    messages_ = 0;
  }
  if (++messages_ <= kMaxMessages) return;
  flooded_ = true;
  // The library reads on until it finds nothing more.
  wire_->Drop();
}

std::string Session::PeerCertificate() const {
  bool verified = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0 &&
                  SSL_get_verify_result(ssl_.get()) == X509_V_OK;
  X509* certificate = verified ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
  uint8_t* bytes = nullptr;
  int size = certificate == nullptr ? 0 : i2d_X509(certificate, &bytes);
  if (size <= 0) return "";
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

Info Session::Describe() const {
  const uint8_t* alpn = nullptr;
  unsigned int alpn_bytes = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &alpn_bytes);
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
  const char* name = cipher == nullptr ? nullptr : SSL_CIPHER_standard_name(cipher);
  Info info;
  info.version = SSL_get_version(ssl_.get());
  info.cipher = name == nullptr ? "" : name;
  info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_bytes);
  const char* asked = context_->server() ? nullptr : SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  info.server_name = asked == nullptr ? server_name_ : NormalName(asked);
  info.resumed = SSL_session_reused(ssl_.get()) == 1;
  info.peer_certificate = PeerCertificate();
  ClearErrors();
  return info;
}

}  // namespace expressgateway::tls
