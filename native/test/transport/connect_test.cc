// Dialling.
#include <cerrno>
#include <string>
#include <vector>

#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

// Dials what fails; returns the errno.
int FailedDial(TestHost* host, const std::string& address, int port) {
  RecordPtr record = host->Connect(address, port);
  CHECK(record != nullptr);
  // Never within the call: the owner does not know its number yet.
  CHECK(!record->closed);
  host->AwaitClose(record);
  CHECK(!record->open);
  return record->error;
}

TRANSPORT_TEST("connect: over IPv4, IPv6 and Unix sockets") {
  Scene scene(engine);
  CHECK(scene.Make(Kind::kDialled).record->open);
  CHECK(scene.Make(Kind::kDialledUnix).record->open);
  if (!HasIpv6()) return;
  RawSocket listener = RawSocket::Listen("::1");
  RecordPtr record = scene.host.Connect("::1", listener.port());
  scene.host.Until("the dial succeeded", [&] { return record->open; });
}

TRANSPORT_TEST("connect: a port that refuses") {
  TestHost host(engine);
  RawSocket listener = RawSocket::Listen();
  int port = listener.port();
  listener.Close();
  CHECK_EQ(FailedDial(&host, "127.0.0.1", port), ECONNREFUSED);
  CHECK_EQ(host.transport().connections(), 0);
}

TRANSPORT_TEST("connect: failures at once are events as well") {
  TestHost host(engine);
  TemporaryFolder folder;
  CHECK_EQ(FailedDial(&host, "localhost", 80), EINVAL);
  CHECK_EQ(FailedDial(&host, "", 80), EINVAL);
  // A group has no stream: refused by the kernel's routing, before any packet.
  CHECK_EQ(FailedDial(&host, "224.0.0.1", 80), ENETUNREACH);
  CHECK_EQ(FailedDial(&host, folder.Path("none"), -1), ENOENT);
  CHECK_EQ(FailedDial(&host, std::string(200, 'x'), -1), ENAMETOOLONG);
  RawSocket::Listen(folder.Path("refuses"), -1).Close();
  CHECK_EQ(FailedDial(&host, folder.Path("refuses"), -1), ECONNREFUSED);
  CHECK_EQ(host.transport().connections(), 0);
}

TRANSPORT_TEST("connect: a Unix socket whose queue is full") {
  TestHost host(engine);
  TemporaryFolder folder;
  RawSocket listener = RawSocket::Listen(folder.Path("full"), -1, 0);
  std::vector<RecordPtr> dialled;
  int error = -1;
  host.Until("one was refused", [&] {
    dialled.push_back(host.Connect(folder.Path("full"), -1));
    host.Turn(0);
    for (const RecordPtr& record : dialled) error = record->closed ? record->error : error;
    return error != -1;
  });
  CHECK_EQ(error, EAGAIN);
  CHECK(dialled.size() < 10);
}

TRANSPORT_TEST("connect: what is sent before it is connected goes out first") {
  Scene scene(engine);
  for (bool local : {false, true}) {
    TemporaryFolder folder;
    RawSocket far = local ? RawSocket::Listen(folder.Path("far"), -1) : RawSocket::Listen();
    Link link;
    link.record = scene.host.Connect(local ? folder.Path("far") : "127.0.0.1", far.port());
    scene.host.Send(*link.record, "first ");
    scene.host.Send(*link.record, "second");
    scene.host.End(*link.record);
    scene.host.Send(*link.record, "never");
    CHECK_EQ(scene.host.slot(link.record).queued, 12);
    scene.host.Until("the dial succeeded", [&] { return link.record->open; });
    link.peer = far.Accept();
    CHECK_EQ(scene.ReadToEnd(&link), "first second");
    CHECK_EQ(scene.host.slot(link.record).queued, 0);
  }
}

TRANSPORT_TEST("connect: dials that hang are let go of") {
  Scene scene(engine);
  RawSocket far = RawSocket::Listen("127.0.0.1", 0, 0);
  std::vector<RecordPtr> dialled;
  for (int count = 0; count < 8; count++) {
    dialled.push_back(scene.host.Connect("127.0.0.1", far.port()));
    scene.host.Send(*dialled.back(), "wait");
  }
  scene.Settle();
  int hanging = 0;
  for (size_t index = 0; index < dialled.size(); index++) {
    Record* record = dialled[index].get();
    if (!record->open) hanging++;
    if (index % 3 == 0) scene.host.Destroy(record);
    if (index % 3 == 1) scene.host.Reset(record);
    if (index % 3 == 2) scene.host.Pause(record);
    if (index % 3 == 2) scene.host.Destroy(record);
  }
  CHECK(hanging > 0);
  for (const RecordPtr& record : dialled) scene.host.AwaitClose(record);
  CHECK_EQ(scene.host.transport().connections(), 0);
}

TRANSPORT_TEST("connect: let go of right after the call") {
  Scene scene(engine);
  for (int count = 0; count < 20; count++) {
    RecordPtr destroyed = scene.host.Connect("127.0.0.1", scene.far_listener().port());
    scene.host.Destroy(destroyed.get());
    RecordPtr reset = scene.host.Connect("127.0.0.1", scene.far_listener().port());
    scene.host.Reset(reset.get());
    RecordPtr finished = scene.host.Connect("127.0.0.1", scene.far_listener().port());
    scene.host.Finish(finished.get());
    for (const RecordPtr& record : {destroyed, reset, finished}) {
      scene.host.AwaitClose(record);
      CHECK_EQ(record->error, 0);
    }
  }
}

TRANSPORT_TEST("connect: finished before it is connected, with bytes queued") {
  Scene scene(engine);
  Link link;
  link.record = scene.host.Connect("127.0.0.1", scene.far_listener().port());
  scene.host.Send(*link.record, "all of it");
  scene.host.Finish(link.record.get());
  scene.host.AwaitClose(link.record);
  CHECK_EQ(link.record->error, 0);
  link.peer = scene.far_listener().Accept();
  CHECK_EQ(scene.ReadToEnd(&link), "all of it");
}

TRANSPORT_TEST("connect: paused before it is connected") {
  Scene scene(engine);
  Link link;
  link.record = scene.host.Connect("127.0.0.1", scene.far_listener().port());
  scene.host.Pause(link.record.get());
  scene.host.Until("the dial succeeded", [&] { return link.record->open; });
  link.peer = scene.far_listener().Accept();
  scene.SendFrom(&link, "held");
  scene.Settle();
  CHECK_EQ(link.record->received, "");
  scene.host.Resume(link.record.get());
  scene.AwaitReceived(link, 4);
}

TRANSPORT_TEST("connect: dialled within a batch") {
  Scene scene(engine);
  RecordPtr dialled;
  scene.host.on_event = [&](const transport::Event& event, Record&) {
    if (event.kind != transport::kEventAccept) return;
    dialled = scene.host.Connect("127.0.0.1", scene.far_listener().port());
    scene.host.Send(*dialled, "hello");
  };
  Link link = scene.Make(Kind::kAccepted);
  scene.host.on_event = nullptr;
  Link onward = {dialled, RawSocket()};
  scene.host.Until("it was accepted", [&] {
    if (!onward.peer.valid()) onward.peer = scene.far_listener().Accept();
    return onward.peer.valid();
  });
  CHECK_EQ(scene.ReadAt(&onward, 5), "hello");
}

TRANSPORT_TEST("connect: dials that fail at once within a batch, more than the ring has room for") {
  Scene scene(engine, kTiny);
  std::vector<RecordPtr> dialled;
  scene.host.on_event = [&](const transport::Event& event, Record&) {
    if (event.kind != transport::kEventAccept) return;
    for (int count = 0; count < 100; count++) dialled.push_back(scene.host.Connect("no address", 1));
  };
  Link link = scene.Make(Kind::kAccepted);
  scene.host.on_event = nullptr;
  for (const RecordPtr& record : dialled) {
    scene.host.AwaitClose(record);
    CHECK_EQ(record->error, EINVAL);
  }
  CHECK_EQ(dialled.size(), 100);
  CHECK_EQ(scene.host.transport().connections(), 1);
}

}  // namespace
}  // namespace expressgateway::test
