// Backpressure on sending: what the kernel does not take is queued, announced, and bounded.
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "support/pattern.h"
#include "support/random.h"
#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

using transport::kHighWaterBytes;
using transport::kMaxQueuedBytes;

// Fills the kernel's buffers and then the queue with the stream of `number` until the queue has so
// many bytes; returns how many were sent.
size_t FillQueue(Scene* scene, const Link& link, const Pattern& pattern, uint32_t number,
                 size_t queued) {
  size_t sent = 0;
  // Small pieces at the end, so that the mark is met closely.
  while (static_cast<size_t>(scene->host.slot(link.record).queued) < queued) {
    size_t piece = scene->host.slot(link.record).queued == 0 ? Pattern::kMaxPiece : 1000;
    scene->host.Send(*link.record, pattern.At(number, sent), piece);
    sent += piece;
    // An engine may learn only in its turn what the kernel took.
    scene->host.Turn(0);
  }
  return sent;
}

TRANSPORT_TEST("queue: a slow reader's bytes are counted, and announced from the high-water mark on") {
  Pattern pattern;
  Scene scene(engine);
  uint32_t number = 0;
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    size_t sent = FillQueue(&scene, link, pattern, ++number, 1);
    scene.Settle();
    const transport::SlotInfo& slot = scene.host.slot(link.record);
    CHECK(slot.queued > 0);
    CHECK_EQ(slot.blocked, static_cast<size_t>(slot.queued) >= kHighWaterBytes);
    while (static_cast<size_t>(slot.queued) + 1000 < kHighWaterBytes) {
      CHECK_EQ(slot.blocked, 0);
      scene.host.Send(*link.record, pattern.At(number, sent), 1000);
      sent += 1000;
    }
    scene.host.Send(*link.record, pattern.At(number, sent), 2000);
    sent += 2000;
    CHECK_EQ(slot.blocked, 1);
    CHECK_EQ(link.record->drains, 0);
    CHECK(scene.ReadAt(&link, sent) == pattern.Text(number, sent));
    scene.host.Until("it drained", [&] { return link.record->drains == 1; });
    CHECK_EQ(slot.queued, 0);
    CHECK_EQ(slot.blocked, 0);
  }
}

TRANSPORT_TEST("queue: blocked lasts until all has gone out, and one drain ends it") {
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : kKinds) {
    Link link = scene.Make(kind);
    size_t sent = FillQueue(&scene, link, pattern, 1, 4 * kHighWaterBytes);
    const transport::SlotInfo& slot = scene.host.slot(link.record);
    std::string read;
    scene.host.Until("little is left", [&] {
      link.peer.Read(&read, 16 * 1024);
      if (slot.queued > 0) CHECK_EQ(slot.blocked, 1);
      return slot.queued == 0;
    });
    CHECK_EQ(link.record->drains, 1);
    read += scene.ReadAt(&link, sent - read.size());
    CHECK(read == pattern.Text(1, sent));
    // A queue that stays below the mark has no drain.
    scene.host.Send(*link.record, "more");
    CHECK_EQ(scene.ReadAt(&link, 4), "more");
    scene.Settle();
    CHECK_EQ(link.record->drains, 1);
  }
}

TRANSPORT_TEST("queue: of pieces that go out together, what the kernel does not take follows in order") {
  Random random(ChooseSeed());
  Pattern pattern;
  Scene scene(engine);
  for (Kind kind : {Kind::kAccepted, Kind::kAcceptedUnix}) {
    Link link = scene.Make(kind);
    // Less than most batches send.
    constexpr int kRoom = 50'000;
    setsockopt(link.record->fd, SOL_SOCKET, SO_SNDBUF, &kRoom, sizeof(kRoom));
    size_t sent = 0;
    size_t most_queued = 0;
    scene.host.on_event = [&](const transport::Event& event, Record& record) {
      if (event.kind != transport::kEventData) return;
      for (int count = 0; count < 8; count++) {
        size_t size = random.Between(1, 60'000);
        scene.host.Send(record, pattern.At(3, sent), size);
        sent += size;
      }
    };
    std::string read;
    for (size_t count = 1; count <= 12; count++) {
      size_t before = sent;
      scene.SendFrom(&link, "x");
      scene.AwaitReceived(link, count);
      most_queued = std::max(most_queued, static_cast<size_t>(scene.host.slot(link.record).queued));
      read += scene.ReadAt(&link, sent - before);
    }
    CHECK(read == pattern.Text(3, sent));
    CHECK(most_queued > 0);
    scene.host.on_event = nullptr;
  }
}

TRANSPORT_TEST("queue: again and again blocked and drained") {
  Pattern pattern;
  Scene scene(engine, kTiny);
  Link link = scene.Make(Kind::kAccepted);
  size_t sent = 0;
  size_t read = 0;
  for (int count = 1; count <= 20; count++) {
    while (scene.host.slot(link.record).blocked == 0) {
      scene.host.Send(*link.record, pattern.At(2, sent), 50'000);
      sent += 50'000;
      scene.host.Turn(0);
    }
    std::string text;
    scene.host.Until("it drained", [&] {
      link.peer.Read(&text);
      return link.record->drains == count;
    });
    for (size_t at = 0; at < text.size(); at += 1000) {
      size_t size = text.size() - at < 1000 ? text.size() - at : 1000;
      CHECK(pattern.Fits(2, read + at, reinterpret_cast<const uint8_t*>(text.data()) + at, size));
    }
    read += text.size();
  }
}

TRANSPORT_TEST("queue: fails with ENOBUFS beyond its bound, and not before") {
  Scene scene(engine);
  // A dial that hangs takes nothing, so the queue is exact.
  RawSocket far = RawSocket::Listen("127.0.0.1", 0, 0);
  RecordPtr hanging;
  for (int count = 0; count < 8; count++) hanging = scene.host.Connect("127.0.0.1", far.port());
  scene.Settle();
  CHECK(!hanging->open);
  std::string mebibyte(1 << 20, 'x');
  for (size_t queued = 0; queued < kMaxQueuedBytes; queued += mebibyte.size()) {
    scene.host.Send(*hanging, mebibyte);
  }
  CHECK_EQ(scene.host.slot(hanging).queued, kMaxQueuedBytes);
  CHECK_EQ(scene.host.slot(hanging).blocked, 1);
  scene.Settle();
  CHECK(!hanging->closed);
  scene.host.Send(*hanging, "x");
  scene.host.AwaitClose(hanging);
  CHECK_EQ(hanging->error, ENOBUFS);
  CHECK_EQ(scene.host.slot(hanging).queued, 0);
}

TRANSPORT_TEST("queue: the bound holds for an owner that never stops in a batch") {
  Scene scene(engine);
  std::string bytes(1 << 20, 'x');
  scene.host.on_event = [&](const transport::Event& event, Record& record) {
    if (event.kind != transport::kEventData) return;
    for (int count = 0; count < 100; count++) scene.host.Send(record, bytes);
  };
  Link link = scene.Make(Kind::kAccepted);
  scene.SendFrom(&link, "flood me");
  scene.host.AwaitClose(link.record);
  CHECK_EQ(link.record->error, ENOBUFS);
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  CHECK(usage.ru_maxrss < 1024 * 1024);
}

}  // namespace
}  // namespace expressgateway::test
