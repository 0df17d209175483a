#include "support/tls_scene.h"

#include "support/registry.h"
#include "tls/pem.h"

namespace expressgateway::test {

TlsScene::TlsScene(const std::string& engine, const Sizes& sizes)
    : scene(engine, sizes),
      host(scene.host),
      far_server_(SSL_CTX_new(TLS_server_method())),
      far_client_(SSL_CTX_new(TLS_client_method())) {
  std::string problem;
  bool used = tls::UseIdentity(far_server_.get(), contexts.identity, &problem);
  if (!used) Fail(__FILE__, __LINE__, problem);
}

TlsLink TlsScene::Begin(bool dialled, int version) {
  TlsLink link;
  RawSocket socket;
  if (dialled) {
    link.record = host.Connect("127.0.0.1", scene.far_listener().port(), contexts.client);
    host.Until("the far end has accepted", [&] {
      if (!socket.valid()) socket = scene.far_listener().Accept();
      return socket.valid();
    });
  } else {
    socket = RawSocket::Dial("127.0.0.1", scene.port());
    link.record = host.Accept();
    host.Secure(link.record.get(), contexts.server);
  }
  link.peer = TlsPeer(std::move(socket), dialled ? far_server_.get() : far_client_.get(), dialled);
  SSL_set_min_proto_version(link.peer.ssl(), version);
  SSL_set_max_proto_version(link.peer.ssl(), version);
  return link;
}

void TlsScene::ShakeHands(TlsLink* link) {
  bool done = false;
  host.Until("the handshake has ended", [&] {
    if (!done && !link->peer.failed()) done = link->peer.ShakeHands();
    return link->peer.failed() || link->record->closed || (done && link->record->open);
  });
}

TlsLink TlsScene::Make(bool dialled, int version) {
  TlsLink link = Begin(dialled, version);
  ShakeHands(&link);
  CHECK(link.record->open && !link.record->closed && !link.peer.failed());
  return link;
}

void TlsScene::SendFrom(TlsLink* link, std::string_view bytes) {
  host.Until("the far end has sent all", [&] {
    size_t sent = 1;
    while (sent > 0 && !bytes.empty()) {
      sent = link->peer.Send(bytes);
      bytes.remove_prefix(sent);
    }
    CHECK(!link->peer.failed());
    return bytes.empty();
  });
}

std::string TlsScene::ReadAt(TlsLink* link, size_t size) {
  std::string read;
  host.Until("the far end has read all", [&] {
    CHECK(link->peer.Read(&read));
    return read.size() >= size;
  });
  CHECK_EQ(read.size(), size);
  return read;
}

std::string TlsScene::ReadToEnd(TlsLink* link) {
  std::string read;
  host.Until("the far end has read the end", [&] { return !link->peer.Read(&read); });
  CHECK(link->peer.ended());
  return read;
}

void TlsScene::AwaitReceived(const TlsLink& link, size_t size) {
  host.Until("all was received", [&] { return link.record->received.size() >= size; });
  CHECK_EQ(link.record->received.size(), size);
}

std::string TlsScene::AwaitReason(const TlsLink& link) {
  host.AwaitClose(link.record);
  return link.record->reason;
}

}  // namespace expressgateway::test
