#include "support/tls_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <utility>

#include "support/registry.h"

namespace expressgateway::test {

TlsPeer::TlsPeer(RawSocket socket, SSL_CTX* context, bool server)
    : socket_(std::move(socket)), ssl_(SSL_new(context)) {
  CHECK(ssl_ != nullptr && socket_.valid());
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_fd(ssl_.get(), socket_.fd());
  int on = 1;
  setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
}

bool TlsPeer::Goes(int result) {
  if (result > 0) return true;
  int error = SSL_get_error(ssl_.get(), result);
  failed_ = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_ZERO_RETURN;
  ERR_clear_error();
  return false;
}

bool TlsPeer::ShakeHands() { return Goes(SSL_do_handshake(ssl_.get())); }

size_t TlsPeer::Send(std::string_view bytes) {
  size_t sent = 0;
  bool goes = bytes.empty() || Goes(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent));
  return goes ? sent : 0;
}

bool TlsPeer::Read(std::string* out) {
  char bytes[16 * 1024];
  size_t got = 0;
  while (Goes(SSL_read_ex(ssl_.get(), bytes, sizeof(bytes), &got))) out->append(bytes, got);
  return !failed_ && !ended();
}

void TlsPeer::End() { SSL_shutdown(ssl_.get()); }

}  // namespace expressgateway::test
