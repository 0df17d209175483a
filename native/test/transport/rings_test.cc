// Rings and slab at their capacity, and tables that are full.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "support/pattern.h"
#include "support/random.h"
#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

using transport::Event;

TRANSPORT_TEST("rings: the smallest carry sixty connections that all send at once") {
  Random random(ChooseSeed());
  Pattern pattern;
  Scene scene(engine, kTiny);
  scene.host.on_event = [&](const Event& event, Record& record) {
    if (event.kind != transport::kEventData) return;
    // More commands than the ring holds.
    for (int32_t at = event.a; at < event.b;) {
      int32_t end = std::min<int32_t>(event.b, at + static_cast<int32_t>(random.Between(1, 9000)));
      scene.host.SendBack(record, static_cast<uint32_t>(at), static_cast<uint32_t>(end));
      at = end;
    }
  };
  constexpr uint32_t kLinks = 60;
  constexpr size_t kBytes = 30'000;
  std::vector<Link> links;
  for (uint32_t number = 0; number < kLinks; number++) links.push_back(scene.Make(kKinds[number % 4]));
  for (uint32_t number = 0; number < kLinks; number++) {
    std::string text = pattern.Text(number, kBytes);
    CHECK_EQ(links[number].peer.Send(text), kBytes);
    if (number % 3 == 0) links[number].peer.End();
  }
  for (uint32_t number = 0; number < kLinks; number++) {
    CHECK(scene.ReadAt(&links[number], kBytes) == pattern.Text(number, kBytes));
    if (number % 3 != 0) continue;
    scene.host.Until("its end was told", [&] { return links[number].record->ended; });
  }
}

TRANSPORT_TEST("rings: more connections are let go of at once than the ring has room for") {
  Scene scene(engine, kTiny);
  std::vector<Link> links;
  for (int count = 0; count < 100; count++) links.push_back(scene.Make(kKinds[count % 4]));
  for (Link& link : links) scene.host.Destroy(link.record.get());
  for (Link& link : links) {
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, 0);
    CHECK_EQ(scene.ReadToEnd(&link), "");
  }
  CHECK_EQ(scene.host.transport().connections(), 0);
}

TRANSPORT_TEST("rings: more peers go away at once than the ring has room for") {
  Scene scene(engine, kTiny);
  std::vector<Link> links;
  for (int count = 0; count < 100; count++) links.push_back(scene.Make(kTcpKinds[count % 2]));
  for (Link& link : links) link.peer.Reset();
  for (Link& link : links) {
    scene.host.AwaitClose(link.record);
    CHECK_EQ(link.record->error, ECONNRESET);
  }
  CHECK_EQ(scene.host.transport().connections(), 0);
}

TRANSPORT_TEST("rings: more queues drain at once than the ring has room for") {
  Pattern pattern;
  Scene scene(engine, kTiny);
  std::vector<Link> links;
  constexpr size_t kBytes = 6'000'000;
  for (int count = 0; count < 25; count++) {
    links.push_back(scene.Make(kKinds[count % 4]));
    scene.host.Send(*links.back().record, pattern.Text(1, kBytes));
    CHECK_EQ(scene.host.slot(links.back().record).blocked, 1);
  }
  for (Link& link : links) CHECK(scene.ReadAt(&link, kBytes) == pattern.Text(1, kBytes));
  for (Link& link : links) {
    scene.host.Until("it drained", [&] { return link.record->drains == 1; });
  }
}

// A table of four slots, and six that want one.
TRANSPORT_TEST("rings: a full table holds the listener until it is resumed") {
  Sizes sizes;
  sizes.slots = 4;
  Scene scene(engine, sizes);
  std::vector<Link> links;
  for (int count = 0; count < 3; count++) links.push_back(scene.Make(Kind::kAccepted));
  links.push_back(scene.Make(Kind::kAcceptedUnix));
  CHECK(scene.host.Connect("127.0.0.1", scene.far_listener().port()) == nullptr);
  std::vector<RawSocket> waiting;
  for (int count = 0; count < 20; count++) waiting.push_back(RawSocket::Dial("127.0.0.1", scene.port()));
  scene.host.Until("the error was told", [&] { return !scene.host.accept_errors.empty(); });
  for (int count = 0; count < 10; count++) scene.host.Turn(0);
  CHECK_EQ(scene.host.accept_errors.size(), 1);
  Event error = scene.host.accept_errors.front();
  CHECK_EQ(error.id, scene.listener());
  CHECK_EQ(error.a, ENOBUFS);
  CHECK_EQ(error.b, 1);
  // A place is free: nobody gets it before the listener is resumed.
  scene.host.Destroy(links[0].record.get());
  scene.host.AwaitClose(links[0].record);
  for (int count = 0; count < 10; count++) scene.host.Turn(0);
  CHECK(scene.host.accepted.empty());
  scene.host.transport().ResumeListener(scene.listener());
  RecordPtr next = scene.host.Accept();
  CHECK_EQ(next->listener, scene.listener());
  scene.host.Until("the error was told again", [&] { return scene.host.accept_errors.size() == 2; });
  CHECK_EQ(scene.host.transport().connections(), 4);
}

void SetDescriptorLimit(int count) {
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = static_cast<rlim_t>(count);
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// The number that the next descriptor will get.
int NextDescriptor() {
  int next = dup(0);
  CHECK(next >= 0);
  close(next);
  return next;
}

TRANSPORT_TEST("rings: without descriptors accepting waits, dials fail, and both recover") {
  Scene scene(engine);
  Link open = scene.Make(Kind::kAccepted);
  std::vector<RawSocket> waiting;
  for (int count = 0; count < 3; count++) waiting.push_back(RawSocket::Dial("127.0.0.1", scene.port()));
  int limit = NextDescriptor();
  SetDescriptorLimit(limit);
  scene.host.Until("the error was told", [&] { return !scene.host.accept_errors.empty(); });
  CHECK_EQ(scene.host.accept_errors.front().a, EMFILE);
  CHECK_EQ(scene.host.accept_errors.front().b, 1);
  RecordPtr dialled = scene.host.Connect("127.0.0.1", scene.far_listener().port());
  scene.host.AwaitClose(dialled);
  CHECK_EQ(dialled->error, EMFILE);
  // Those that are open go on.
  scene.SendFrom(&open, "still here");
  scene.AwaitReceived(open, 10);
  CHECK_EQ(scene.host.accept_errors.size(), 1);
  scene.host.transport().ResumeListener(scene.listener());
  scene.host.Until("the error was told again", [&] { return scene.host.accept_errors.size() == 2; });
  CHECK(scene.host.accepted.empty());
  SetDescriptorLimit(limit + 10);
  scene.host.transport().ResumeListener(scene.listener());
  for (int count = 0; count < 3; count++) CHECK(scene.host.Accept()->open);
  CHECK_EQ(scene.host.accept_errors.size(), 2);
  dialled = scene.host.Connect("127.0.0.1", scene.far_listener().port());
  scene.host.Until("the dial succeeded", [&] { return dialled->open; });
}

}  // namespace
}  // namespace expressgateway::test
