// Ends: half-close, close and reset, from either side.
#include <cerrno>
#include <string>

#include "support/pattern.h"
#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

// The kernel tells of a peer that is gone in the one way or the other.
bool IsGone(int error) { return error == ECONNRESET || error == EPIPE; }

TRANSPORT_TEST("ends: the peer's end leaves our half open until we end it") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    scene.SendFrom(&link, "request");
    link.peer.End();
    scene.host.Until("its end was told", [&] { return link.record->ended; });
    CHECK_EQ(link.record->received, "request");
    scene.host.Send(*link.record, "answer");
    CHECK_EQ(scene.ReadAt(&link, 6), "answer");
    CHECK(!link.record->closed);
    scene.host.End(*link.record);
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, 0);
    CHECK_EQ(scene.ReadToEnd(&link), "");
  }
}

TRANSPORT_TEST("ends: our end leaves the peer's half open until it ends it") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    scene.host.Send(*link.record, "request");
    scene.host.End(*link.record);
    CHECK_EQ(scene.ReadToEnd(&link), "request");
    scene.SendFrom(&link, "answer");
    scene.AwaitReceived(link, 6);
    CHECK(!link.record->ended && !link.record->closed);
    link.peer.End();
    scene.host.AwaitClose(link.record);
    CHECK(link.record->ended);
    CHECK_EQ(link.record->error, 0);
  }
}

TRANSPORT_TEST("ends: all bytes come before the end, more than a batch holds") {
  Pattern pattern;
  Scene scene(engine, kTiny);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    std::string text = pattern.Text(7, 2'000'000);
    scene.SendFrom(&link, text);
    link.peer.Close();
    scene.host.Until("its end was told", [&] { return link.record->ended || link.record->closed; });
    CHECK(link.record->ended);
    CHECK(link.record->received == text);
    scene.host.Destroy(link.record.get());
    scene.host.AwaitClose(link.record);
  }
}

TRANSPORT_TEST("ends: finish sends what is queued, then closes") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    std::string text = pattern.Text(3, 5'000'000);
    scene.host.Send(*link.record, text);
    scene.host.Finish(link.record.get());
    scene.host.Send(*link.record, "never");
    CHECK(scene.ReadToEnd(&link) == text);
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, 0);
  }
}

TRANSPORT_TEST("ends: finish with nothing queued closes at once") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    scene.host.Finish(link.record.get());
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, 0);
    CHECK_EQ(scene.ReadToEnd(&link), "");
  }
}

TRANSPORT_TEST("ends: nothing is received after finish, even when it is resumed") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    // A queue that cannot empty, so that it stays.
    scene.host.Send(*link.record, pattern.Text(3, 20'000'000));
    scene.host.Finish(link.record.get());
    scene.host.Resume(link.record.get());
    scene.SendFrom(&link, "late");
    scene.Settle();
    CHECK_EQ(link.record->received, "");
    scene.host.Destroy(link.record.get());
    scene.host.AwaitClose(link.record);
  }
}

TRANSPORT_TEST("ends: a peer that resets a connection that is read") {
  Scene scene(engine);
  for (Kind kind : kTcpKinds) {
    Link link = scene.Make(kind);
    link.peer.Reset();
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, ECONNRESET);
    CHECK(!link.record->ended);
  }
}

TRANSPORT_TEST("ends: a peer that resets a connection that is paused") {
  Scene scene(engine);
  for (Kind kind : kTcpKinds) {
    Link link = scene.Make(kind);
    scene.host.Pause(link.record.get());
    scene.SendFrom(&link, "unread");
    link.peer.Reset();
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, ECONNRESET);
  }
}

TRANSPORT_TEST("ends: a peer that resets with bytes of ours queued") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kTcpKinds) {
    for (bool paused : {false, true}) {
      Link link = scene.Make(kind);
      if (paused) scene.host.Pause(link.record.get());
      scene.host.Send(*link.record, pattern.Text(1, 20'000'000));
      scene.Settle();
      CHECK(scene.host.slot(link.record).queued > 0);
      link.peer.Reset();
      scene.host.AwaitClose(link.record);
      CHECK(IsGone(link.record->error));
      CHECK_EQ(scene.host.slot(link.record).queued, 0);
      CHECK_EQ(scene.host.slot(link.record).blocked, 0);
    }
  }
}

TRANSPORT_TEST("ends: a peer that has ended its half and resets after") {
  Scene scene(engine);
  for (Kind kind : kTcpKinds) {
    Link link = scene.Make(kind);
    link.peer.End();
    scene.host.Until("its end was told", [&] { return link.record->ended; });
    link.peer.Reset();
    scene.host.AwaitClose(link.record);
    CHECK(IsGone(link.record->error));
  }
}

TRANSPORT_TEST("ends: sending to a peer that has reset tells of the close once") {
  Scene scene(engine);
  for (Kind kind : kTcpKinds) {
    Link link = scene.Make(kind);
    link.peer.Reset();
    for (int count = 0; count < 5; count++) scene.host.Send(*link.record, "anybody?");
    scene.host.AwaitClose(link.record);
    CHECK(IsGone(link.record->error));
  }
}

// A server that answers early and closes with the rest of the request unread ends with RST.
TRANSPORT_TEST("ends: what a peer said before it reset is read, though sending has failed") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kTcpKinds) {
    for (size_t queued : {0, 20'000'000}) {
      Link link = scene.Make(kind);
      scene.host.Send(*link.record, "request");
      scene.host.Send(*link.record, pattern.Text(1, queued));
      scene.host.Turn(0);
      scene.SendFrom(&link, "refused");
      link.peer.Close();
      for (int count = 0; count < 5; count++) scene.host.Send(*link.record, "more of it");
      scene.host.AwaitClose(link.record);
      CHECK_EQ(link.record->received, "refused");
      CHECK(IsGone(link.record->error));
      CHECK_EQ(link.record->drains, 0);
    }
  }
}

TRANSPORT_TEST("ends: reset is RST and destroy is FIN") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link reset = scene.Make(kind);
    scene.host.Reset(reset.record.get());
    scene.host.AwaitClose(reset.record);
    int error = -1;
    scene.ReadToEnd(&reset, &error);
    bool local = kind == Kind::kAcceptedUnix || kind == Kind::kDialledUnix;
    CHECK_EQ(error, local ? 0 : ECONNRESET);
    Link destroyed = scene.Make(kind);
    scene.host.Destroy(destroyed.record.get());
    scene.host.AwaitClose(destroyed.record);
    CHECK_EQ(scene.ReadToEnd(&destroyed), "");
    CHECK_EQ(destroyed.record->error, 0);
  }
}

TRANSPORT_TEST("ends: what was sent before the end goes out, what is sent after it does not") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    std::string text = pattern.Text(9, 3'000'000);
    scene.host.Send(*link.record, text);
    scene.host.End(*link.record);
    scene.host.End(*link.record);
    scene.host.Send(*link.record, "never");
    CHECK(scene.ReadToEnd(&link) == text);
    link.peer.Close();
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, 0);
  }
}

TRANSPORT_TEST("ends: both sides end at the same time") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    for (int count = 0; count < 20; count++) {
      Link link = scene.Make(kind);
      link.peer.Send("last words");
      link.peer.End();
      scene.host.Send(*link.record, "ours");
      scene.host.End(*link.record);
      scene.host.AwaitClose(link.record);
      CHECK(link.record->ended);
      CHECK_EQ(link.record->received, "last words");
      CHECK_EQ(link.record->error, 0);
      CHECK_EQ(scene.ReadToEnd(&link), "ours");
    }
  }
}

TRANSPORT_TEST("ends: finishing after the peer's end, and ending after our own") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    link.peer.End();
    scene.host.Until("its end was told", [&] { return link.record->ended; });
    scene.host.Send(*link.record, "answer");
    scene.host.Finish(link.record.get());
    scene.host.End(*link.record);
    CHECK_EQ(scene.ReadToEnd(&link), "answer");
    scene.host.AwaitClose(link.record);
    Link ended = scene.Make(kind);
    scene.host.End(*ended.record);
    scene.host.Finish(ended.record.get());
    scene.host.AwaitClose(ended.record);
    CHECK_EQ(ended.record->error, 0);
  }
}

}  // namespace
}  // namespace expressgateway::test
