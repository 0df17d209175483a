// Connections that nobody uses at the moment: whether they can be used again.
#include <string>

#include "common/idle_probe.h"
#include "support/registry.h"
#include "support/tls_scene.h"

namespace expressgateway::test {
namespace {

// A probe sees what the kernel has by now: it may take a moment until bytes are there. No turn comes
// between, which would take them.
void AwaitProbe(TlsScene* scene, const TlsLink& link, int expected) {
  for (int count = 0; count < 100'000; count++) {
    if (scene->host.transport().Probe(link.record->id) == expected) return;
  }
  CHECK_EQ(scene->host.transport().Probe(link.record->id), expected);
}

TRANSPORT_TEST("tls: an idle connection is alive, also when session tickets come late") {
  TlsScene scene(engine);
  TlsLink link = scene.Make(true);
  CHECK_EQ(scene.host.transport().Probe(link.record->id), kProbeQuiet);
  for (int count = 0; count < 5; count++) {
    CHECK_EQ(SSL_new_session_ticket(link.peer.ssl()), 1);
    CHECK(link.peer.ShakeHands());
    CHECK_EQ(scene.host.transport().Probe(link.record->id), kProbeQuiet);
    scene.host.Turn(0);
    CHECK_EQ(scene.host.transport().Probe(link.record->id), kProbeQuiet);
  }
  scene.host.Send(*link.record, "request");
  CHECK_EQ(scene.ReadAt(&link, 7), "request");
  scene.SendFrom(&link, "answer");
  scene.AwaitReceived(link, 6);
}

TRANSPORT_TEST("tls: a ticket before a probe hides nothing that comes behind it") {
  TlsScene scene(engine);
  TlsLink link = scene.Make(true);
  CHECK_EQ(SSL_new_session_ticket(link.peer.ssl()), 1);
  scene.SendFrom(&link, "unexpected");
  AwaitProbe(&scene, link, kProbeUnexpectedBytes);
  CHECK_EQ(scene.host.transport().Probe(link.record->id), kProbeUnexpectedBytes);
  // They are not lost.
  scene.AwaitReceived(link, 10);
  CHECK_EQ(link.record->received, "unexpected");
  scene.SendFrom(&link, ", and more");
  scene.AwaitReceived(link, 20);
}

TRANSPORT_TEST("tls: a peer that has ended is not alive") {
  TlsScene scene(engine);
  TlsLink polite = scene.Make(true);
  polite.peer.End();
  AwaitProbe(&scene, polite, kProbeClosed);
  scene.host.Until("its end was told", [&] { return polite.record->ended; });
  TlsLink rude = scene.Make(true);
  rude.peer.socket().End();
  AwaitProbe(&scene, rude, kProbeClosed);
  scene.host.AwaitClose(rude.record);
  TlsLink broken = scene.Make(true);
  broken.peer.socket().Send("no record");
  AwaitProbe(&scene, broken, kProbeClosed);
  scene.host.AwaitClose(broken.record);
  CHECK_EQ(broken.record->reason, "wrong version number");
}

TRANSPORT_TEST("tls: a connection whose handshake goes on is not alive") {
  TlsScene scene(engine);
  TlsLink link = scene.Begin(true);
  CHECK_EQ(scene.host.transport().Probe(link.record->id), kProbeClosed);
}

}  // namespace
}  // namespace expressgateway::test
