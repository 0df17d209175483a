// The far end of a connection with TLS: plain OpenSSL on a plain socket. It never blocks.
#pragma once

#include <string>
#include <string_view>

#include "support/raw_socket.h"
#include "tls/openssl.h"

namespace expressgateway::test {

class TlsPeer {
 public:
  TlsPeer() = default;
  TlsPeer(RawSocket socket, SSL_CTX* context, bool server);

  // True when the handshake is done.
  bool ShakeHands();
  // Bytes taken; 0: none now.
  size_t Send(std::string_view bytes);
  // Appends what there is; false when the peer has ended, or it failed.
  bool Read(std::string* out);
  // close_notify.
  void End();

  SSL* ssl() { return ssl_.get(); }
  RawSocket& socket() { return socket_; }
  // It met close_notify.
  bool ended() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  bool failed() const { return failed_; }

 private:
  // False when it has to wait.
  bool Goes(int result);

  RawSocket socket_;
  tls::SslPointer ssl_;
  bool failed_ = false;
};

}  // namespace expressgateway::test
