// What becomes of connections, slots and transports that end in the middle of things.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/pattern.h"
#include "support/random.h"
#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

using transport::Event;

// Ends one connection by a random choice.
void EndSomehow(TestHost* host, Record* record, Random* random) {
  switch (random->Below(3)) {
    case 0:
      return host->Destroy(record);
    case 1:
      return host->Reset(record);
    default:
      host->Finish(record);
      record->dropped_in = host->batches;
  }
}

// The host fails the test when anything but its close comes for a connection in a later batch.
TRANSPORT_TEST("lifetime: connections ended inside a batch that has more events of theirs") {
  Random random(ChooseSeed());
  for (const Sizes& sizes : {Sizes(), kTiny}) {
    Scene scene(engine, sizes);
    for (int round = 0; round < 40; round++) {
      std::vector<Link> links;
      for (int count = 0; count < 12; count++) links.push_back(scene.Make(kKinds[count % 4]));
      bool ended = false;
      scene.host.on_event = [&](const Event& event, Record&) {
        if (event.kind != transport::kEventData || ended) return;
        ended = true;
        for (Link& link : links) EndSomehow(&scene.host, link.record.get(), &random);
      };
      for (Link& link : links) {
        link.peer.Send("x");
        if (random.OneIn(3)) link.peer.End();
        if (random.OneIn(5)) link.peer.Reset();
      }
      for (Link& link : links) scene.host.AwaitClose(link.record);
      scene.host.on_event = nullptr;
      CHECK_EQ(scene.host.transport().connections(), 0);
    }
  }
}

TRANSPORT_TEST("lifetime: connections that are refused as they are accepted") {
  Sizes sizes = kTiny;
  sizes.slots = 512;
  Scene scene(engine, sizes);
  scene.host.on_event = [&](const Event& event, Record& record) {
    if (event.kind == transport::kEventAccept) scene.host.Reset(&record);
  };
  std::vector<RawSocket> peers;
  for (int count = 0; count < 300; count++) {
    peers.push_back(RawSocket::Dial("127.0.0.1", scene.port()));
    peers.back().Send("never read");
  }
  for (int count = 0; count < 300; count++) {
    RecordPtr record = scene.host.Accept();
    scene.host.AwaitClose(record);
    CHECK_EQ(record->received, "");
  }
  CHECK_EQ(scene.host.transport().connections(), 0);
}

TRANSPORT_TEST("lifetime: a slot goes to another only after its close was told, and brings nothing over") {
  Sizes sizes;
  sizes.slots = 2;
  Scene scene(engine, sizes);
  std::set<int32_t> ids;
  for (int count = 0; count < 2000; count++) {
    Kind kind = kKinds[count % 4];
    Link link = scene.Make(kind);
    ids.insert(link.record->id);
    std::string text = "number " + std::to_string(count);
    scene.SendFrom(&link, text);
    scene.AwaitReceived(link, text.size());
    CHECK_EQ(link.record->received, text);
    // Something is left behind by turns: unread bytes, a pause, a queue, a half that is open.
    if (count % 5 == 0) scene.host.Pause(link.record.get());
    if (count % 5 == 1) link.peer.Send("unread");
    if (count % 50 == 2) scene.host.Send(*link.record, std::string(5'000'000, 'x'));
    if (count % 5 == 3) link.peer.End();
    scene.host.Destroy(link.record.get());
    scene.host.AwaitClose(link.record);
  }
  CHECK(ids.size() <= 2);
  CHECK_EQ(scene.host.transport().connections(), 0);
}

// Peers see their connections end; the registry counts descriptors after.
TRANSPORT_TEST("lifetime: a transport that is destroyed with traffic in flight") {
  Pattern pattern;
  std::vector<Link> links;
  std::vector<RawSocket> waiting;
  RawSocket full = RawSocket::Listen("127.0.0.1", 0, 0);
  {
    Scene scene(engine);
    for (int count = 0; count < 40; count++) {
      links.push_back(scene.Make(kKinds[count % 4]));
      Link& link = links.back();
      if (count % 3 == 0) scene.host.Send(*link.record, pattern.Text(1, 4'000'000));
      if (count % 3 == 1) scene.host.Pause(link.record.get());
      if (count % 5 == 0) scene.host.End(*link.record);
      if (count % 7 == 0) scene.host.Finish(link.record.get());
      if (count % 11 == 0) scene.host.Destroy(link.record.get());
      link.peer.Send("in flight");
      if (count % 4 == 1) link.peer.End();
    }
    for (int count = 0; count < 8; count++) scene.host.Connect("127.0.0.1", full.port());
    for (int count = 0; count < 8; count++) scene.host.Connect("127.0.0.1", scene.far_listener().port());
    for (int count = 0; count < 8; count++) waiting.push_back(RawSocket::Dial("127.0.0.1", scene.port()));
  }
  for (Link& link : links) {
    std::string read;
    ssize_t got = 1;
    for (int count = 0; count < 10'000 && got > 0; count++) got = link.peer.Read(&read);
    CHECK(got == 0 || got == -ECONNRESET);
  }
}

TRANSPORT_TEST("lifetime: transports that are destroyed unused") {
  for (int count = 0; count < 20; count++) TestHost host(engine, kTiny);
  TestHost listening(engine, kTiny);
  RawSocket listener = RawSocket::Listen();
  listening.transport().Listen(listener.Release());
  TestHost dialling(engine, kTiny);
  dialling.Connect("no address", 1);
  dialling.Connect("127.0.0.1", 1);
}

TRANSPORT_TEST("lifetime: what cannot be listened on is refused") {
  TestHost host(engine);
  int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int32_t id = host.transport().Listen(file);
  if (id == -1) {
    close(file);
  } else {
    host.Until("the error was told", [&] { return !host.accept_errors.empty(); });
    CHECK_EQ(host.accept_errors.front().b, 1);
    host.transport().CloseListener(id);
  }
  Scene scene(engine);
  CHECK(scene.Make(Kind::kAccepted).record->open);
}

TRANSPORT_TEST("lifetime: several transports talk to one another, and one goes") {
  Pattern pattern;
  TestHost far(engine);
  auto near = std::make_unique<TestHost>(engine);
  TestHost third(engine, kTiny);
  RawSocket listener = RawSocket::Listen();
  int port = listener.port();
  far.transport().Listen(listener.Release());
  far.on_event = [&far](const Event& event, Record& record) {
    if (event.kind != transport::kEventData) return;
    far.SendBack(record, static_cast<uint32_t>(event.a), static_cast<uint32_t>(event.b));
  };
  std::vector<RecordPtr> near_dials;
  std::vector<RecordPtr> third_dials;
  std::string text = pattern.Text(5, 100'000);
  for (int count = 0; count < 20; count++) {
    near_dials.push_back(near->Connect("127.0.0.1", port));
    near->Send(*near_dials.back(), text);
    third_dials.push_back(third.Connect("127.0.0.1", port));
    third.Send(*third_dials.back(), text);
  }
  auto all_back = [&text](const std::vector<RecordPtr>& dials) {
    for (const RecordPtr& record : dials) {
      if (record->received.size() < text.size()) return false;
    }
    return true;
  };
  far.Until("the near one has some", [&] {
    near->Turn(0);
    return !near_dials[0]->received.empty();
  });
  near.reset();
  far.Until("the third one has all", [&] {
    third.Turn(0);
    return all_back(third_dials);
  });
  for (const RecordPtr& record : third_dials) CHECK(record->received == text);
  for (const RecordPtr& record : third_dials) third.Destroy(record.get());
  far.Until("all are gone", [&] {
    third.Turn(0);
    for (const RecordPtr& record : far.accepted) {
      if (record->ended && !record->closed && record->dropped_in == -1) far.Destroy(record.get());
    }
    return far.transport().connections() == 0 && third.transport().connections() == 0;
  });
}

}  // namespace
}  // namespace expressgateway::test
