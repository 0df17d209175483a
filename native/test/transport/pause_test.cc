// Backpressure on receiving.
#include <cerrno>
#include <string>
#include <vector>

#include "support/pattern.h"
#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

using transport::Event;

TRANSPORT_TEST("pause: holds bytes and the end, and resume brings them") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    scene.host.Pause(link.record.get());
    scene.SendFrom(&link, "held");
    link.peer.End();
    scene.Settle();
    CHECK_EQ(link.record->received, "");
    CHECK(!link.record->ended);
    scene.host.Resume(link.record.get());
    scene.host.Until("its end was told", [&] { return link.record->ended; });
    CHECK_EQ(link.record->received, "held");
  }
}

// The host fails the test when bytes come in a batch after that of the pause.
TRANSPORT_TEST("pause: takes effect before the next bytes, each time") {
  Pattern pattern;
  for (const Sizes& sizes : {Sizes(), kTiny}) {
    Scene scene(engine, sizes);
    for (Kind kind : kKinds) {
      Link link = scene.Make(kind);
      scene.host.on_event = [&](const Event& event, Record& record) {
        if (event.kind == transport::kEventData) scene.host.Pause(&record);
      };
      std::string text = pattern.Text(4, 1'500'000);
      size_t sent = 0;
      scene.host.Until("all was received", [&] {
        ssize_t taken = link.peer.Send(std::string_view(text).substr(sent));
        if (taken > 0) sent += static_cast<size_t>(taken);
        // Outside of a batch, when a turn has passed with the pause in effect.
        if (link.record->paused_in != -1) scene.host.Resume(link.record.get());
        return link.record->received.size() == text.size();
      });
      CHECK(link.record->received == text);
      scene.host.on_event = nullptr;
      scene.host.Destroy(link.record.get());
      scene.host.AwaitClose(link.record);
    }
  }
}

TRANSPORT_TEST("pause: undone in the same batch changes nothing, nor does doing it twice") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    int batches = 0;
    scene.host.on_event = [&](const Event& event, Record& record) {
      if (event.kind != transport::kEventData) return;
      scene.host.Pause(&record);
      scene.host.Resume(&record);
      if (++batches % 2 == 0) return;
      scene.host.Pause(&record);
      scene.host.Pause(&record);
      scene.host.Resume(&record);
      scene.host.Resume(&record);
    };
    std::string text = pattern.Text(5, 1'000'000);
    scene.SendFrom(&link, text);
    scene.AwaitReceived(link, text.size());
    CHECK(link.record->received == text);
  }
}

TRANSPORT_TEST("pause: a paused connection goes on sending") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    scene.host.Pause(link.record.get());
    scene.SendFrom(&link, "unread");
    std::string text = pattern.Text(6, 8'000'000);
    scene.host.Send(*link.record, text);
    CHECK(scene.ReadAt(&link, text.size()) == text);
    CHECK_EQ(scene.host.slot(link.record).queued, 0);
    CHECK_EQ(link.record->received, "");
  }
}

TRANSPORT_TEST("pause: the peer is held back by its window") {
  Pattern pattern;
  Scene scene(engine);
  Link link = scene.Make(Kind::kAccepted);
  scene.host.Pause(link.record.get());
  std::string text = pattern.Text(8, 64'000'000);
  size_t sent = 0;
  ssize_t taken = 0;
  while (taken >= 0 && sent < text.size()) {
    taken = link.peer.Send(std::string_view(text).substr(sent));
    if (taken > 0) sent += static_cast<size_t>(taken);
    scene.host.Turn(0);
  }
  CHECK_EQ(taken, -EAGAIN);
  CHECK_EQ(link.record->received, "");
  scene.host.Resume(link.record.get());
  scene.SendFrom(&link, std::string_view(text).substr(sent));
  scene.AwaitReceived(link, text.size());
  CHECK(link.record->received == text);
}

TRANSPORT_TEST("pause: more connections are resumed at once than a batch has room for") {
  Scene scene(engine, kTiny);
  std::vector<Link> links;
  for (int count = 0; count < 60; count++) {
    links.push_back(scene.Make(kKinds[count % 4]));
    scene.host.Pause(links.back().record.get());
    scene.SendFrom(&links.back(), "held");
    if (count % 2 == 0) links.back().peer.Close();
  }
  scene.Settle();
  for (Link& link : links) CHECK_EQ(link.record->received, "");
  for (Link& link : links) scene.host.Resume(link.record.get());
  for (Link& link : links) {
    scene.AwaitReceived(link, 4);
    if (!link.peer.valid()) scene.host.Until("its end was told", [&] { return link.record->ended; });
  }
}

TRANSPORT_TEST("pause: a resumed connection that is let go of at once tells nothing more") {
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    scene.host.Pause(link.record.get());
    scene.SendFrom(&link, "unread");
    scene.Settle();
    scene.host.Resume(link.record.get());
    scene.host.Destroy(link.record.get());
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->received, "");
    CHECK_EQ(link.record->error, 0);
  }
}

}  // namespace
}  // namespace expressgateway::test
