// Peers that mean no good: each loses its own connection, with a reason, and nobody else's.
#include <openssl/err.h>

#include <string>

#include "support/random.h"
#include "support/registry.h"
#include "support/tls_scene.h"

namespace expressgateway::test {
namespace {

// Its bytes pass through here, so that they can be parted, changed and cut.
class Relay {
 public:
  Relay(TlsScene* scene, bool dialled) : scene_(scene), link_(scene->Begin(dialled)) {
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(link_.peer.ssl(), in, out);
  }

  TlsLink& link() { return link_; }

  // What the far end wants to send.
  std::string Take() {
    char bytes[8192];
    std::string taken;
    int got;
    while ((got = BIO_read(SSL_get_wbio(link_.peer.ssl()), bytes, sizeof(bytes))) > 0) {
      taken.append(bytes, static_cast<size_t>(got));
    }
    return taken;
  }

  // Sends bytes, and gives the far end what has come.
  void Exchange(std::string_view bytes) {
    if (!bytes.empty()) link_.peer.socket().Send(bytes);
    scene_->host.Turn(1);
    std::string read;
    while (link_.peer.socket().Read(&read) > 0) {
    }
    if (!read.empty()) BIO_write(SSL_get_rbio(link_.peer.ssl()), read.data(), static_cast<int>(read.size()));
  }

 private:
  TlsScene* scene_;
  TlsLink link_;
};

// A handshake and a request, each byte on its own.
TRANSPORT_TEST("tls: records that come byte by byte") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    Relay relay(&scene, dialled);
    TlsLink& link = relay.link();
    bool done = false;
    while (!done || !link.record->open) {
      CHECK(!link.record->closed);
      if (!done) done = link.peer.ShakeHands();
      std::string bytes = relay.Take();
      for (char byte : bytes) relay.Exchange({&byte, 1});
      relay.Exchange("");
    }
    CHECK_EQ(SSL_write(link.peer.ssl(), "slow", 4), 4);
    for (char byte : relay.Take()) relay.Exchange({&byte, 1});
    scene.AwaitReceived(link, 4);
  }
}

TRANSPORT_TEST("tls: bytes that are no TLS end the connection, and the peer is told") {
  TlsScene scene(engine);
  const struct {
    const char* bytes;
    const char* reason;
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http request"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "wrong version number"},
      {"\x16\x03\x01\xff\xff\x01 a record that is too long", "packet length too long"},
  };
  for (const auto& [bytes, reason] : cases) {
    TlsLink link = scene.Begin(false);
    TlsLink other = scene.Make(false);
    link.peer.socket().Send(bytes);
    CHECK_EQ(scene.AwaitReason(link), reason);
    scene.SendFrom(&other, "well");
    scene.AwaitReceived(other, 4);
  }
}

// Whatever changes on the way ends this connection in an orderly way, or nothing comes of it.
TRANSPORT_TEST("tls: one byte of a handshake changed at random") {
  TlsScene scene(engine);
  Random random(ChooseSeed());
  for (int count = 0; count < 150; count++) {
    bool dialled = random.OneIn(2);
    Relay relay(&scene, dialled);
    TlsLink& link = relay.link();
    uint32_t victim = random.Below(2);
    for (uint32_t flight = 0; flight < 6 && !link.record->closed; flight++) {
      if (!link.peer.failed()) link.peer.ShakeHands();
      std::string bytes = relay.Take();
      if (flight == victim && !bytes.empty()) {
        bytes[random.Below(static_cast<uint32_t>(bytes.size()))] ^= static_cast<char>(1 + random.Below(255));
      }
      relay.Exchange(bytes);
    }
    if (!link.record->closed) scene.host.Reset(link.record.get());
    scene.host.AwaitClose(link.record);
    CHECK_EQ(ERR_peek_error(), 0);
  }
  TlsLink other = scene.Make(false);
  scene.SendFrom(&other, "well");
  scene.AwaitReceived(other, 4);
}

TRANSPORT_TEST("tls: a record that was changed ends the connection") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    TlsLink other = scene.Make(dialled);
    scene.SendFrom(&link, "good");
    scene.AwaitReceived(link, 4);
    link.peer.socket().Send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    CHECK_EQ(scene.AwaitReason(link), "decryption failed or bad record mac");
    CHECK_EQ(link.record->received, "good");
    CHECK_EQ(ERR_peek_error(), 0);
    scene.SendFrom(&other, "well");
    scene.AwaitReceived(other, 4);
  }
}

TRANSPORT_TEST("tls: renewed keys are followed, a flood of them is not") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    for (int count = 0; count < 10; count++) {
      CHECK_EQ(SSL_key_update(link.peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
      scene.SendFrom(&link, "x");
      scene.AwaitReceived(link, static_cast<size_t>(count) + 1);
      scene.host.Send(*link.record, "y");
      CHECK_EQ(scene.ReadAt(&link, 1), "y");
    }
    for (int count = 0; count < 10'000 && !link.peer.failed() && !link.record->closed; count++) {
      SSL_key_update(link.peer.ssl(), SSL_KEY_UPDATE_REQUESTED);
      link.peer.ShakeHands();
      if (count % 100 == 0) scene.host.Turn(0);
    }
    CHECK_EQ(scene.AwaitReason(link), "too many handshake messages");
  }
}

TRANSPORT_TEST("tls: renegotiation is refused, and the connection goes on") {
  TlsScene scene(engine);
  TlsLink link = scene.Make(false, TLS1_2_VERSION);
  CHECK_EQ(SSL_renegotiate(link.peer.ssl()), 1);
  CHECK(!link.peer.ShakeHands());
  scene.host.Until("it was refused", [&] {
    link.peer.ShakeHands();
    return link.peer.failed();
  });
  CHECK(!link.record->closed);
}

}  // namespace
}  // namespace expressgateway::test
