// What passes through TLS, in both directions, and how connections with TLS end.
#include <cerrno>
#include <string>

#include "support/pattern.h"
#include "support/registry.h"
#include "support/tls_scene.h"

namespace expressgateway::test {
namespace {

TRANSPORT_TEST("tls: bytes pass in both directions, in each version") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    for (int version : kVersions) {
      TlsLink link = scene.Make(dialled, version);
      scene.SendFrom(&link, "request");
      scene.AwaitReceived(link, 7);
      CHECK_EQ(link.record->received, "request");
      scene.host.Send(*link.record, "answer");
      CHECK_EQ(scene.ReadAt(&link, 6), "answer");
    }
  }
}

TRANSPORT_TEST("tls: what is sent before the handshake is done waits, and goes out after it") {
  TlsScene scene(engine);
  Pattern pattern;
  for (bool dialled : kSides) {
    TlsLink link = scene.Begin(dialled);
    std::string text = pattern.Text(1, 300'000);
    scene.host.Send(*link.record, text);
    CHECK_EQ(scene.host.slot(link.record).queued, 300'000);
    CHECK_EQ(scene.host.slot(link.record).blocked, 1);
    scene.ShakeHands(&link);
    CHECK(scene.ReadAt(&link, text.size()) == text);
    scene.host.Until("its drain was told", [&] { return link.record->drains == 1; });
    CHECK_EQ(scene.host.slot(link.record).queued, 0);
  }
}

TRANSPORT_TEST("tls: more than a batch holds, both ways, with a peer that is slow to read") {
  TlsScene scene(engine, kTiny);
  Pattern pattern;
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    std::string text = pattern.Text(2, 12'000'000);
    scene.host.Send(*link.record, text);
    CHECK(scene.host.slot(link.record).queued > 0);
    scene.SendFrom(&link, text);
    scene.AwaitReceived(link, text.size());
    CHECK(link.record->received == text);
    CHECK(scene.ReadAt(&link, text.size()) == text);
    CHECK_EQ(scene.host.slot(link.record).queued, 0);
  }
}

TRANSPORT_TEST("tls: a paused connection delivers nothing, and nothing is lost") {
  TlsScene scene(engine);
  Pattern pattern;
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    scene.host.Pause(link.record.get());
    std::string text = pattern.Text(3, 200'000);
    scene.SendFrom(&link, text);
    scene.scene.Settle();
    CHECK_EQ(link.record->received, "");
    scene.host.Resume(link.record.get());
    scene.AwaitReceived(link, text.size());
    CHECK(link.record->received == text);
  }
}

// A peer may send its first bytes together with the last ones of the handshake.
TRANSPORT_TEST("tls: a pause before the handshake holds the bytes behind it, not the handshake") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Begin(dialled);
    scene.host.Pause(link.record.get());
    while (!link.peer.ShakeHands()) scene.host.Turn(1);
    scene.SendFrom(&link, "early");
    scene.host.Until("the handshake is done", [&] { return link.record->open; });
    scene.scene.Settle();
    CHECK_EQ(link.record->received, "");
    scene.host.Resume(link.record.get());
    scene.AwaitReceived(link, 5);
    scene.SendFrom(&link, "later");
    scene.AwaitReceived(link, 10);
    CHECK_EQ(link.record->received, "earlylater");
  }
}

TRANSPORT_TEST("tls: several sends of one run are one record") {
  TlsScene scene(engine);
  TlsLink link = scene.Make(false);
  std::string text = "head and body";
  for (size_t at = 0; at < text.size(); at++) scene.host.out()[at] = static_cast<uint8_t>(text[at]);
  transport::Command* commands = scene.host.commands();
  int32_t id = link.record->id;
  commands[0] = {transport::kCommandSendOut, id, 0, 4};
  commands[1] = {transport::kCommandSendOut, id, 4, 13};
  scene.host.transport().Run(2);
  CHECK_EQ(scene.ReadAt(&link, 13), text);
  // All of it was decrypted at once: a call that takes one byte leaves the others of the record.
  transport::Command both[] = {commands[0], commands[1]};
  commands[0] = both[0];
  commands[1] = both[1];
  scene.host.transport().Run(2);
  char byte = 0;
  scene.host.Until("a byte is there", [&] { return SSL_read(link.peer.ssl(), &byte, 1) == 1; });
  CHECK_EQ(SSL_pending(link.peer.ssl()), 12);
}

TRANSPORT_TEST("tls: the peer's close_notify ends its half only") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    scene.SendFrom(&link, "request");
    link.peer.End();
    scene.host.Until("its end was told", [&] { return link.record->ended; });
    CHECK_EQ(link.record->received, "request");
    scene.host.Send(*link.record, "answer");
    scene.host.End(*link.record);
    CHECK_EQ(scene.ReadToEnd(&link), "answer");
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, 0);
    CHECK_EQ(link.record->reason, "");
  }
}

TRANSPORT_TEST("tls: an end that comes with bytes waits for a pause to be over") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    Record* record = link.record.get();
    scene.host.on_event = [&](const transport::Event& event, Record& other) {
      if (event.kind == transport::kEventData && &other == record) scene.host.Pause(record);
    };
    // In one piece: the socket is not read in between.
    scene.SendFrom(&link, "last words");
    link.peer.End();
    scene.AwaitReceived(link, 10);
    scene.host.on_event = nullptr;
    scene.scene.Settle();
    CHECK(!record->ended && !record->closed);
    scene.host.Resume(record);
    scene.host.Until("its end was told", [&] { return record->ended; });
  }
}

TRANSPORT_TEST("tls: our end is a close_notify, after which the peer may still send") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    scene.host.Send(*link.record, "request");
    scene.host.End(*link.record);
    CHECK_EQ(scene.ReadToEnd(&link), "request");
    scene.SendFrom(&link, "answer");
    scene.AwaitReceived(link, 6);
    CHECK(!link.record->ended);
    link.peer.End();
    scene.host.AwaitClose(link.record);
    CHECK(link.record->ended);
    CHECK_EQ(link.record->error, 0);
  }
}

TRANSPORT_TEST("tls: finish sends what is queued and a close_notify, then closes") {
  TlsScene scene(engine);
  Pattern pattern;
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    std::string text = pattern.Text(5, 3'000'000);
    scene.host.Send(*link.record, text);
    scene.host.Finish(link.record.get());
    CHECK(scene.ReadToEnd(&link) == text);
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, 0);
  }
}

TRANSPORT_TEST("tls: an end, and a finish with something to send, wait for the handshake") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    for (bool finishes : {false, true}) {
      TlsLink link = scene.Begin(dialled);
      scene.host.Send(*link.record, "said early");
      finishes ? scene.host.Finish(link.record.get()) : scene.host.End(*link.record);
      bool done = false;
      std::string read;
      scene.host.Until("the far end has read the end", [&] {
        if (!done) done = link.peer.ShakeHands();
        return done && !link.peer.Read(&read);
      });
      CHECK_EQ(read, "said early");
      CHECK(link.peer.ended());
      if (!finishes) link.peer.End();
      scene.host.AwaitClose(link.record);
      CHECK_EQ(link.record->error, 0);
    }
  }
}

TRANSPORT_TEST("tls: a FIN without close_notify is no end in order") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    scene.SendFrom(&link, "half of it");
    link.peer.socket().End();
    CHECK_EQ(scene.AwaitReason(link), "unexpected eof while reading");
    CHECK_EQ(link.record->received, "half of it");
    CHECK(!link.record->ended);
  }
}

TRANSPORT_TEST("tls: a FIN in the middle of the handshake ends the connection") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Begin(dialled);
    link.peer.socket().End();
    CHECK_EQ(scene.AwaitReason(link), "unexpected eof while reading");
    CHECK(!link.record->open);
  }
}

TRANSPORT_TEST("tls: a reset is told by its errno") {
  TlsScene scene(engine);
  for (bool dialled : kSides) {
    TlsLink link = scene.Make(dialled);
    link.peer.socket().Reset();
    CHECK_EQ(scene.AwaitReason(link), "");
    CHECK_EQ(link.record->error, ECONNRESET);
  }
}

}  // namespace
}  // namespace expressgateway::test
