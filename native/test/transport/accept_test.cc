// Listening and accepting.
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/registry.h"
#include "support/scene.h"

namespace expressgateway::test {
namespace {

TRANSPORT_TEST("accept: tells the listener, the descriptor and the peer's address") {
  Scene scene(engine);
  Link link = scene.Make(Kind::kAccepted);
  CHECK_EQ(link.record->listener, scene.listener());
  CHECK(link.record->fd >= 0 && link.record->fd != link.peer.fd());
  const transport::SlotInfo& slot = scene.host.slot(link.record);
  CHECK_EQ(slot.has_address, 1);
  CHECK_EQ(slot.remote_port, link.peer.port());
  CHECK_EQ(slot.address[0], 0);
  CHECK_EQ(slot.address[1], 0);
  CHECK_EQ(slot.address[2], 0xffff);
  CHECK_EQ(slot.address[3], 0x7f000001);
  CHECK_EQ(scene.host.transport().connections(), 1);
}

TRANSPORT_TEST("accept: an IPv6 peer and a Unix one") {
  Scene scene(engine);
  Link local = scene.Make(Kind::kAcceptedUnix);
  CHECK_EQ(scene.host.slot(local.record).has_address, 0);
  CHECK_EQ(scene.host.slot(local.record).remote_port, 0);
  if (!HasIpv6()) return;
  RawSocket listener = RawSocket::Listen("::1");
  int port = listener.port();
  int32_t id = scene.host.transport().Listen(listener.Release());
  RawSocket peer = RawSocket::Dial("::1", port);
  RecordPtr record = scene.host.Accept();
  CHECK_EQ(record->listener, id);
  CHECK_EQ(scene.host.slot(record).has_address, 1);
  CHECK_EQ(scene.host.slot(record).remote_port, peer.port());
  CHECK_EQ(scene.host.slot(record).address[3], 1);
}

TRANSPORT_TEST("accept: all that wait, and each once, with what they have sent already") {
  Scene scene(engine);
  constexpr int kCount = 500;
  std::map<int, RawSocket> peers;
  for (int count = 0; count < kCount; count++) {
    RawSocket peer = RawSocket::Dial("127.0.0.1", scene.port());
    int port = peer.port();
    peer.Send("from " + std::to_string(port));
    peers.emplace(port, std::move(peer));
  }
  std::set<int> seen;
  for (int count = 0; count < kCount; count++) {
    RecordPtr record = scene.host.Accept();
    int port = scene.host.slot(record).remote_port;
    CHECK(peers.count(port) == 1 && seen.insert(port).second);
    std::string wanted = "from " + std::to_string(port);
    scene.host.Until("its bytes came", [&] { return record->received.size() >= wanted.size(); });
    CHECK_EQ(record->received, wanted);
  }
  CHECK_EQ(scene.host.transport().connections(), kCount);
}

TRANSPORT_TEST("accept: several listeners, each under its number, which is used again") {
  TestHost host(engine);
  auto listen = [&host](int* port) {
    RawSocket listener = RawSocket::Listen();
    *port = listener.port();
    return host.transport().Listen(listener.Release());
  };
  int ports[3];
  int32_t ids[3];
  for (int index = 0; index < 3; index++) ids[index] = listen(&ports[index]);
  CHECK(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
  for (int index = 0; index < 3; index++) {
    RawSocket peer = RawSocket::Dial("127.0.0.1", ports[index]);
    CHECK_EQ(host.Accept()->listener, ids[index]);
  }
  host.transport().CloseListener(ids[1]);
  CHECK_EQ(listen(&ports[1]), ids[1]);
  RawSocket peer = RawSocket::Dial("127.0.0.1", ports[1]);
  CHECK_EQ(host.Accept()->listener, ids[1]);
}

TRANSPORT_TEST("accept: what waits when the listener is closed is reset, and no accept is told") {
  Scene scene(engine);
  std::vector<RawSocket> waiting;
  for (int count = 0; count < 50; count++) waiting.push_back(RawSocket::Dial("127.0.0.1", scene.port()));
  scene.host.transport().CloseListener(scene.listener());
  for (RawSocket& peer : waiting) {
    std::string read;
    ssize_t got = -EAGAIN;
    scene.host.Until("it is reset", [&] { return (got = peer.Read(&read)) != -EAGAIN; });
    CHECK(got == -ECONNRESET || got == 0);
  }
  // An engine may have accepted some in the kernel already: they are told of, or gone.
  for (const RecordPtr& record : scene.host.accepted) CHECK_EQ(record->listener, scene.listener());
  CHECK(scene.host.accepted.empty());
  CHECK_EQ(scene.host.transport().connections(), 0);
}

TRANSPORT_TEST("accept: a listener closed in the batch that tells of its connections stops there") {
  Scene scene(engine);
  std::vector<RawSocket> waiting;
  for (int count = 0; count < 400; count++) waiting.push_back(RawSocket::Dial("127.0.0.1", scene.port()));
  int64_t closed_in = -1;
  scene.host.on_event = [&](const transport::Event& event, Record&) {
    if (event.kind != transport::kEventAccept) return;
    if (closed_in == -1) scene.host.transport().CloseListener(scene.listener());
    if (closed_in == -1) closed_in = scene.host.batches;
    CHECK_EQ(scene.host.batches, closed_in);
  };
  scene.host.Accept();
  scene.host.on_event = nullptr;
  Link other = scene.Make(Kind::kAcceptedUnix);
  CHECK(other.record->open);
}

TRANSPORT_TEST("accept: numbers that are no listener are ignored") {
  Scene scene(engine);
  for (int32_t id : {-1, 2, 1000, INT32_MAX, INT32_MIN}) {
    scene.host.transport().CloseListener(id);
    scene.host.transport().ResumeListener(id);
  }
  scene.host.transport().ResumeListener(scene.listener());
  CHECK(scene.Make(Kind::kAccepted).record->open);
  scene.host.transport().CloseListener(scene.listener());
  scene.host.transport().CloseListener(scene.listener());
  scene.host.transport().ResumeListener(scene.listener());
}

TRANSPORT_TEST("accept: connections outlive their listener") {
  Scene scene(engine);
  Link link = scene.Make(Kind::kAccepted);
  scene.host.transport().CloseListener(scene.listener());
  scene.SendFrom(&link, "there");
  scene.AwaitReceived(link, 5);
  scene.host.Send(*link.record, "and back");
  CHECK_EQ(scene.ReadAt(&link, 8), "and back");
}

}  // namespace
}  // namespace expressgateway::test
