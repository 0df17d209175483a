// TLS on one connection. It is fed what was received and leaves what is to be sent in the wire's arena;
// it knows no socket.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <string>

#include "tls/context.h"
#include "tls/wire.h"
#include "transport/send_queue.h"

namespace expressgateway::tls {

enum class Step {
  kDone,
  // What was fed is used up, and more is needed.
  kMore,
  // The wire's arena has no room: take out what is there, and ask again.
  kFull,
  // See `reason`. What is in the arena is an alert, and there is nothing more to be had.
  kFailed,
};

// What the peers agreed on; the members of TlsInfo in src/fastpath/tls.ts.
struct Info {
  std::string version;
  std::string cipher;
  std::string alpn;
  std::string server_name;
  bool resumed = false;
  // DER; empty when the peer showed none, or nobody verified it.
  std::string peer_certificate;
};

class Session {
 public:
  // Null when there is no memory. `place`: where a client's connection goes.
  static std::unique_ptr<Session> Make(std::shared_ptr<Context> context, Wire* wire,
                                       std::string place = "");
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Goes on with the handshake.
  Step Handshake();
  // Decrypts up to `room` bytes and adds their number to `*got`. kDone: there is no more room.
  Step Read(uint8_t* to, size_t room, size_t* got);
  // Encrypts all of it. When asked again after kFull, it must be with the same bytes.
  Step Write(const void* bytes, size_t size);
  // Says that nothing more is going to be sent (close_notify).
  Step End();
  // As `Read` without taking any: kDone when there are bytes to be had.
  Step Peek();

  // The handshake is done.
  bool ready() const { return ready_; }
  // The peer has said that it sends nothing more.
  bool peer_ended() const { return peer_ended_; }
  bool ended() const { return ended_; }
  // Why it failed, in OpenSSL's words; empty when it has not.
  const std::string& reason() const { return reason_; }
  void Fail(std::string reason);
  // There are decrypted bytes that nobody has read.
  bool unread() const { return SSL_pending(ssl_.get()) > 0; }
  Info Describe() const;

  Context& context() const { return *context_; }
  void SetServerName(std::string name) { server_name_ = std::move(name); }
  const std::string& place() const { return place_; }

  // The session of the library's half.
  static Session* Of(const SSL* ssl) { return static_cast<Session*>(SSL_get_app_data(ssl)); }
  // See SSL_CTX_set_msg_callback(3).
  static void OnMessage(int sent, int version, int type, const void* bytes, size_t size, SSL* ssl,
                        void* unused);

  // What the owner sends before the handshake is done.
  transport::SendQueue waiting;

 private:
  Session() = default;
  Step After(int result, const char* otherwise);
  Step StepOf(int error);
  // Fails with OpenSSL's reason, or this.
  void Explain(const char* otherwise);
  void CountMessage();
  std::string PeerCertificate() const;

  // Before the library's half, which refers to it.
  std::shared_ptr<Context> context_;
  Wire* wire_ = nullptr;
  SslPointer ssl_;
  std::string place_;
  std::string server_name_;
  std::string reason_;
  bool ready_ = false;
  bool peer_ended_ = false;
  bool ended_ = false;
  // Handshake messages since the handshake, in the window that began at `window_began_ms_`.
  bool flooded_ = false;
  uint16_t messages_ = 0;
  int64_t window_began_ms_ = 0;
};

}  // namespace expressgateway::tls
